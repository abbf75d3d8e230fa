// What codes are called in the hall. The page shows a code's own text only when it is not listed here.

// What the terminal shows now, as the clerk would say it.
export const STATES = {
  no_clerk: "尚未登录",
  idle: "空闲，可以邀请评价",
  serving: "正在服务",
  invited: "已邀请，等待评价",
  chosen: "已评价，还可更改",
  offer: "评价完成，群众可继续评价",
  business: "评价完成，群众正在评价业务",
  service: "评价完成，群众正在评价服务",
  tags: "评价完成，群众正在选择感受",
  thanks: "评价完成，谢谢",
  unrated: "本次未评价",
  not_invited: "有人按键，尚未邀请",
  paused: "暂停服务",
  fault: "评价器故障",
  full: "评价器存储已满",
  updating: "评价器正在维护",
};

// What is in the way of using the terminal, and what to do.
export const CONDITIONS = {
  connecting: ["正在连接评价器…", "请稍候；如评价器没有亮屏，请打开电源。"],
  no_port: ["没有找到评价器", "请检查评价器的数据线和电源。"],
  port_busy: ["评价器的端口被其他程序占用", "请关闭占用端口的程序。"],
  port_fault: ["评价器的端口打不开", "请拔下数据线后重新插好；仍不行请联系技术人员。"],
  no_answer: ["评价器没有应答", "请检查电源是否打开、数据线是否插在本窗口的评价器上。"],
  lost: ["评价器的连接断开了", "请检查数据线和电源，接好后会自动恢复。"],
  wrong_terminal: ["接入的不是本窗口的评价器", "请检查数据线是否插错；如更换了评价器，请联系技术人员。"],
  version: ["评价器与本机程序的版本不匹配", "请联系技术人员升级。"],
  fault: ["评价器报告故障", "请查看评价器屏幕，关闭电源再打开；仍不行请联系技术人员。"],
  full: ["评价器存储已满", "请保持评价器连接，数据取走后会自动恢复。"],
  no_terminal: ["本窗口没有评价器", "请群众扫描窗口的二维码，或打印纸质评价表。"],
  unmapped_grade: ["评价器的按键没有对应的等级", "请联系技术人员补全配置中的等级对照表；请群众扫码或填写纸质评价。"],
  rater_silent: ["评价器一直没有回应", "请检查旧评价器的电源和总线接线；仍不行请联系技术人员。"],
};

// How the last invite ended. Whether a citizen rated may be shown, which level never.
export const OUTCOMES = {
  pending: "邀请已发出，等待评价器应答",
  open: "已邀请，等待评价",
  rated: "上一次服务：已评价",
  timed_out: "上一次服务：超时未评价",
  declined: "上一次服务：选择不评价",
  cancelled: "上一次邀请已撤回",
  interrupted: "上一次邀请被断电中断，请重新邀请",
  refused: "上一次邀请没有成功，请重试",
};

// Why an order was not carried out.
export const ERRORS = {
  terminal_absent: "评价器没有连接，请检查数据线；也可请群众扫码或填写纸质评价。",
  no_paper: "本机没有安装打印评价表的组件，请联系技术人员。",
  no_terminal: "本窗口没有评价器，请群众扫码或填写纸质评价表。",
  no_answer: "评价器没有应答，请稍后再试。",
  no_clerk: "请先登录工号。",
  paused: "窗口已暂停，请先恢复服务。",
  invite_open: "正在等待上一次评价，请稍候或先撤回。",
  invite_ended: "这次邀请已经结束，请重新邀请。",
  invite_expired: "邀请送达太晚，请重新邀请。",
  no_invite: "当前没有可以撤回的邀请。",
  rated: "群众已经评价，评价有效，不能撤回。",
  shift_over: "请先确认是谁在为群众服务。",
  too_many: "操作太频繁，请稍后再试。",
  busy: "评价器正忙，请稍后再试。",
  full: "评价器存储已满，请保持连接。",
  fault: "评价器故障，请查看评价器屏幕。",
  not_stored: "评价器没有保存成功，请重新邀请。",
  store_full: "本机磁盘已满，请联系技术人员清理。",
  store_fault: "本机存储故障，请联系技术人员。",
  bad_request: "填写的内容不符合要求，请检查。",
};

// What is counted of a window's day, in the order of the page. There are no levels to count.
export const COUNTS = {
  invited: "已邀请",
  rated: "已评价",
  timed_out: "超时未评",
  declined: "不评价",
  cancelled: "已撤回",
  interrupted: "中断",
  services_without_invite: "未邀请",
};

// Faults of the whole agent, for the status page.
export const FAULTS = {
  disk_full: "本机磁盘已满，请清理；在此之前评价保存在评价器内。",
  store_fault: "本机存储写不进去，请检查数据目录和磁盘；评价保存在评价器内。",
  broker: "与市级平台的消息服务没有连接；评价保存在本机，恢复后自动上传。",
  no_subscriber: "市级平台没有接收程序在线；评价保存在本机，恢复后自动上传。",
  no_receipts: "市级平台没有回执；评价保存在本机，正在重试。",
  broker_refuses: "消息服务拒绝接收本机的评价，请管理员检查授权。",
  unknown_terminal: "市级平台不认识某个评价器，请在市级平台登记。",
  refused: "有评价被市级平台拒收，请联系市级平台管理员。",
  wrong_receipts: "市级平台的回执与本机评价不符，请检查接收程序，以及是否有另一台电脑使用同一编号。",
  certificate: "与消息服务通信的证书即将到期或已经到期，请管理员更换。",
  clock: "本机时钟被大幅调整，请检查日期、对时服务和主板电池。",
  dialect: "与旧业务系统的接口没有接通，请检查业务系统和配置。",
  never_uploaded: "窗口设为由业务系统上传，但评价器不透露等级，目前没有人上传，请修改配置。",
  identity_dropped: "叫号或业务软件传来了群众身份信息，但本机没有配置市级平台公钥，身份信息已丢弃；请管理员配置，或让软件不再传送。",
  services_wait: "市级平台收评价，但不收办件记录；评价不受影响，请管理员更新市级接收程序并检查消息服务的权限。",
  update_failed: "有评价器升级失败，仍用旧版本正常服务；原因和处理见下，处理后执行 yiping update retry。",
  bundle: "升级包目录中有一个包不能使用，请移除或换成正确的包。",
  no_bundle: "市级要求升级，但升级包不在本机，请执行 yiping update offer，或配置 update.source。",
  long_wait: "有评价很久没有等到回执，请到市级平台查看接收程序。",
  self_test: "有评价器自检发现部件异常，评价照常；请技术人员按提示处理。",
};

// Parts of a terminal's self-test.
export const PARTS = {
  nor: "存储芯片", read_back: "存储读写", rtc: "时钟芯片", ticking: "时钟走时", lcd: "显示屏", touch: "触摸屏", voice: "语音",
  keys: "按键", memory: "内存", files: "文件空间", lamps: "按键灯", case: "机壳开关", buzzer: "蜂鸣器", light: "背光",
};

export function stars(count) {
  return count ? "★".repeat(count) + "☆".repeat(5 - count) : "";
}

export function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}
