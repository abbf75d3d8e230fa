// How the update of a terminal's firmware stands, in the hall's words; what to do stands in docs/zh/update.md.

const STATES = {
  none: "",
  unable: "不能在线升级，请用台架刷写",
  sending: "正在传送",
  ready: "已传完，等待切换",
  switching: "正在重启切换，约 10 秒",
  trial: "新版本试运行中",
  done: "已升级",
};
const WAITS = {
  no_bundle: "等待升级包：市级要求的包不在本机",
  turn: "排队中，等另一台完成",
  halted: "已暂停：另一台用此版本升级失败",
  hours: "已传完，到维护时段切换",
  rest: "等评价器空闲",
  not_here: "等评价器接通",
  no_store: "本机存储写不进去，暂不切换",
};
const FAILURES = {
  bad_signature: "签名不被接受，请使用本市签发的升级包",
  wrong_board: "升级包是别的型号，请换对应型号的包",
  too_old: "升级包比现有版本旧，请换新包",
  needs_bootstrap: "引导程序太旧，请用台架刷写一次",
  full: "评价器存储不足，请用台架刷写",
  bad_message: "升级包内容读不懂，请重新获取",
  bad_hash: "传送总是出错，请换数据线或端口",
  not_complete: "写入总是不完整，评价器存储可能老化，请更换",
  fault: "写入时报告故障，评价器存储可能老化，请更换",
  unsupported: "不能在线升级，请用台架刷写",
  rolled_back: "新版本未通过自检，已自动退回旧版本，可正常使用；请上报",
  not_switched: "多次切换未成功，请断电重开后重试",
  not_back: "切换后没有回来，请检查数据线和屏幕",
};

// Returns [text, kind of chip] for a terminal's update; no text when there is nothing to say.
export function updateText(update) {
  if (!update || update.state === "none") return ["", ""];
  const version = update.version ? `${update.version} ` : "";
  if (update.state === "failed") return [`${version}升级失败：${FAILURES[update.why] || update.message}`, "bad"];
  const waits = update.state === "waiting" || (update.state === "ready" && update.why);
  const text = waits ? WAITS[update.why] || "等待中" : STATES[update.state];
  const percent = update.percent === null || update.state === "ready" ? "" : ` ${update.percent}%`;
  return [`${version}${text}${percent}`, update.state === "done" ? "good" : "wait"];
}
