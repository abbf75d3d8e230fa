"use strict";
// The receiver's status for a person: read again every few seconds, nothing can be changed here.
const EVERY_MS = 3000;
const clock = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai", hour12: false, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
// What each code of the status means; `n` is how often. Codes unknown here show their English text.
const FINDINGS = {
  store: () => "数据库不可写入，评价暂由窗口电脑保管",
  broker: () => "与消息服务器的连接不通，正在重连",
  receipts_refused: () => "消息服务器拒绝回执，请检查访问规则",
  registry: () => "终端登记簿无法读取，新终端暂不识别",
  forward: (n) => `市级系统未接收，${n} 条等待转交`,
  certificate: () => "与消息服务器通信的证书即将到期或已经到期，请更换",
  clock: () => "本机时钟被大幅调整，请检查日期、对时服务和电池",
  parked: (n) => `市级系统退回 ${n} 条，请查看日志`,
  conflict: (n) => `${n} 处同一序号出现两份不同内容：密钥可能被复制，或终端存储被回退`,
  chain_broken: (n) => `${n} 处事件与前一条不衔接`,
  not_opened: (n) => `${n} 个来源的事件无法用终端密钥打开：途中被改动，或系伪造`,
  malformed: (n) => `${n} 个来源发来不是事件的内容`,
  invite_unbound: (n) => `${n} 条评价附带的办件与邀请不符`,
  service_conflict: (n) => `${n} 条服务记录编号相同而内容不同`,
  service_unbound: (n) => `${n} 条服务记录与其邀请不符`,
  invite_bare: (n) => `${n} 条由电脑发起的邀请没有附办件`,
  invite_elsewhere: (n) => `${n} 条评价用了别的窗口的邀请`,
  invite_shared: (n) => `${n} 个邀请在两台终端上都有结果`,
  two_outcomes: (n) => `${n} 个邀请有两种结果`,
  invite_reopened: (n) => `${n} 条评价在邀请结束后被更改`,
  invite_time: (n) => `${n} 条评价与邀请时间相差过大`,
  misaddressed: (n) => `${n} 条事件以别的终端或中心名义送来`,
  id_mismatch: (n) => `${n} 条事件的外部编号与内容不符`,
  boot_order: (n) => `${n} 条事件的启动次序倒退：密钥可能被复制，或终端存储被回退`,
  after_last: (n) => `${n} 条事件出现在本期最后一条之后`,
  after_lost: (n) => `${n} 条事件来自已报失的终端：可能已找回，也可能被他人使用`,
  reveal: (n) => `${n} 条评价的“向电脑透露等级”设置与登记不符`,
  unsealed: (n) => `${n} 条事件的“未密封硬件”标记与登记的设备类型不符`,
  clock_ahead: (n) => `${n} 条事件的终端时间超前`,
  odd_tags: (n) => `${n} 条评价的标签与评价器的标签表不符，已保存并转交`,
  unknown_tag_table: (n) => `${n} 条评价使用本机没有的标签表，请放入 receiver.tag_tables`,
  odd_content: (n) => `${n} 条事件内容不合规则，已保存，未转交`,
  silent: (n) => `${n} 台终端在办公时间没有消息`,
  gaps: (n) => `缺 ${n} 条：后面的已到，前面的被扣留或尚未送出`,
  self_test: (n) => `${n} 台终端自检发现部件异常，请派技术人员处理`,
  rollout_halted: (n) => `${n} 个中心的固件升级已暂停，请核查失败的终端，再继续或终止`,
  mixed_versions: (n) => `${n} 个中心同时运行两种固件版本，请用 yiping rollout start 升级到同一版本`,
  unended: (n) => `${n} 个密钥期没有最后一条事件：终端在取回记录之前被重新配置`,
  unknown: (n) => `${n} 条来自未登记的终端或密钥期，登记后自动处理`,
  unknown_terminal: () => "未登记的终端送来事件",
  unknown_epoch: () => "未登记的密钥期送来事件",
};
const GRAVE = new Set(["conflict", "chain_broken", "not_opened", "invite_unbound", "service_unbound", "invite_shared",
  "two_outcomes", "invite_reopened", "boot_order", "after_last", "after_lost"]);
const at = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const say = (item) => (FINDINGS[item.code] ? FINDINGS[item.code](item.count) : item.text);
// One line of the record is about one thing: its text without the count.
const single = (code) => (FINDINGS[code] ? FINDINGS[code](1).replace(/^1 (处|条|台|个来源的|个来源|个)/, "") : code);
const timeOf = (ms) => (ms ? clock.format(new Date(ms)) : "—");

async function get(path) {
  const answer = await fetch(`/api/v1/${path}`);
  if (!answer.ok) throw new Error(path);
  return answer.json();
}

function sentence(status) {
  const first = status.faults[0] ?? status.attention[0];
  if (first) return say(first);
  if (!status.store.stored) return "已就绪，还没有事件到达";
  const waiting = status.forward.waiting ? `，${status.forward.waiting} 条正在转交` : "";
  return `一切正常：${status.store.stored} 条事件已入库并回执${waiting}`;
}

function part(value, label, state, good) {
  return make("li", "", make("b", "", String(value)), make("span", "", label), make("span", `state${good ? "" : " bad"}`, state));
}

function showStatus(status) {
  at("name").textContent = `· ${status.receiver}`;
  at("message").textContent = sentence(status);
  const alarming = status.attention.some((item) => GRAVE.has(item.code));
  document.querySelector("header").className = !status.ok || alarming ? "bad" : status.attention.length ? "" : "good";
  const faults = new Set(status.faults.map((item) => item.code));
  at("parts").replaceChildren(
    part(status.store.stored, "条事件已入库", faults.has("store") ? "数据库不可写入" : "数据库可写", !faults.has("store")),
    part(status.store.duplicate, "次重复送达（已识别）", status.broker.connected ? "消息服务器已连接" : "消息服务器断开", status.broker.connected),
    part(status.forward.waiting, "条等待转交市级系统", faults.has("forward") ? "市级系统未接收" : "转交畅通", !faults.has("forward")),
    part(status.registry.entries, "条终端登记", faults.has("registry") ? "登记簿无法读取" : "登记簿可读", !faults.has("registry")),
  );
  const items = [...status.faults, ...status.attention];
  at("attention-section").hidden = !items.length;
  at("attention").replaceChildren(...items.map((item) =>
    make("li", faults.has(item.code) || GRAVE.has(item.code) ? "bad" : "", say(item))));
}

function stateOf(row) {
  if (row.silent_min !== null) return [`${row.silent_min} 分钟没有消息`, "bad"];
  if (row.lost_utc_ms !== null) return ["已报失", ""];
  if (!row.events) return ["尚无消息", "warn"];
  if (row.conflicts || row.chain_broken) return ["请核查", "bad"];
  if (row.unexplained) return ["缺号", "warn"];
  if (row.unended) return ["本期未正常结束", "warn"];
  if (row.ended) return ["本期已结束", ""];
  return ["正常", "good"];
}

// Parts of a self-test.
const PARTS = {
  nor: "存储芯片", read_back: "存储读写", rtc: "时钟芯片", ticking: "时钟走时", lcd: "显示屏", touch: "触摸屏", voice: "语音",
  keys: "按键", memory: "内存", files: "文件空间", lamps: "按键灯", case: "机壳开关", buzzer: "蜂鸣器", light: "背光",
};

function testCell(test) {
  if (!test) return make("td", "", "—");
  const failed = test.failed.map((part) => PARTS[part] ?? part);
  return make("td", failed.length ? "warn" : "", timeOf(test.received_utc_ms), failed.length ? ` ${failed.join("、")}异常` : "");
}

function showTerminals(rows) {
  at("no-terminals").hidden = rows.length > 0;
  document.querySelector(".scroll").hidden = rows.length === 0;
  at("terminals").replaceChildren(...rows.map((row) => {
    const [text, tone] = stateOf(row);
    const missing = make("td", `number${row.unexplained ? " warn" : ""}`, String(row.missing));
    missing.title = row.gaps.map(([a, b]) => (a === b ? a : `${a}–${b}`)).join("、");
    return make("tr", "",
      make("td", "", row.terminal, make("small", "", row.epoch > 1 ? ` 第 ${row.epoch} 期` : "")),
      make("td", "", `${row.centre} / ${row.window}`),
      make("td", "", timeOf(row.heard_utc_ms)),
      testCell(row.self_test),
      make("td", "number", String(row.last_seq)), missing,
      make("td", `number${row.conflicts ? " bad" : ""}`, String(row.conflicts)),
      make("td", `number${row.chain_broken ? " bad" : ""}`, String(row.chain_broken)),
      make("td", tone, text));
  }));
}

function showAlarms(rows) {
  at("alarm-section").hidden = !rows.length;
  at("alarms").replaceChildren(...rows.slice(0, 40).map((row) => make("li", "",
    make("time", "", timeOf(row.last_utc_ms)),
    make("span", "", row.terminal ? `${row.terminal}${row.seq ? ` 第 ${row.seq} 条` : ""}` : "来源不明"),
    make("div", "", single(row.code)),
    make("span", "", row.times > 1 ? `${row.times} 次` : ""))));
}

// Why a terminal failed, or waits; other codes show as they are.
const UPDATE_WHYS = {
  rolled_back: "新版本未通过自检，已退回旧版本", not_back: "切换后没有回来", not_switched: "多次切换未成功",
  fault_after: "升级后报告故障", bad_signature: "签名不被接受", wrong_board: "型号不符", too_old: "比现有版本旧",
  needs_bootstrap: "引导程序太旧，需台架刷写", full: "存储不足", bad_hash: "传送总是出错", not_complete: "写入不完整",
  no_bundle: "升级包不在窗口电脑上", hours: "等维护时段", rest: "等评价器空闲", turn: "排队中", not_here: "没有接通",
};
const UPDATE_STATES = { sending: "传送中", ready: "已传完，等切换", switching: "切换中", trial: "试运行", waiting: "等待" };
const ROLLOUT_STATES = { running: ["升级中", "warn"], halted: ["已暂停", "bad"], done: ["已完成", "good"], aborted: ["已终止", "warn"] };

function rolloutText(told) {
  if (!told) return ["未在升级", ""];
  const [word, tone] = ROLLOUT_STATES[told.state];
  const left = told.observe_left_s === null ? "" : `，观察还剩 ${Math.ceil(told.observe_left_s / 60)} 分钟`;
  const wave = told.state === "running" || told.state === "halted" ? `，第 ${told.wave}/${told.waves.length} 批${left}` : "";
  const cleared = told.cleared ? "，失败的评价器已升级成功，可以继续" : "";
  return [`${told.version} ${word}${wave}${cleared}`, tone];
}

function memberText(member) {
  const why = member.state === "failed" ? member.why : member.now_why;
  const what = member.state === "failed" ? "失败" : member.terminal_state === "lost" ? "没有接通" : UPDATE_STATES[member.now] ?? "等待";
  return `${member.terminal}（${member.window || member.agent}）${what}${why ? `：${UPDATE_WHYS[why] ?? why}` : ""}`;
}

function showRollouts(rows) {
  at("rollout-section").hidden = !rows.length;
  at("rollouts").replaceChildren(...rows.map((row) => {
    const told = row.rollout;
    const [text, tone] = rolloutText(told);
    const versions = Object.entries(row.versions).map(([board, found]) =>
      `${board}：${Object.entries(found).map(([version, count]) => `${version}（${count} 台）`).join("、")}`).join("；");
    const open = told ? told.members.filter((member) => member.state === "failed" || member.state === "go") : [];
    const progress = make("td", "number", told ? `${told.done}/${told.total}` : "—");
    if (told) {
      const bar = make("progress", "");
      [bar.max, bar.value] = [Math.max(1, told.total), told.done];
      progress.append(bar);
    }
    const people = make("td", "wrap", ...open.slice(0, 6).map((member) =>
      make("div", member.state === "failed" ? "bad" : "", memberText(member))), open.length > 6 ? `等 ${open.length} 台` : "");
    return make("tr", "", make("td", "", row.centre), make("td", row.mixed ? "wrap warn" : "wrap", versions), make("td", tone, text),
      progress, make("td", `number${told && told.failed ? " bad" : ""}`, told ? String(told.failed) : "—"), people);
  }));
}

async function refresh() {
  try {
    const [status, terminals, alarms, rollouts] = await Promise.all(["status", "terminals", "alarms", "rollouts"].map(get));
    showStatus(status);
    showTerminals(terminals.items);
    showAlarms(alarms.items);
    showRollouts(rollouts.items);
  } catch {
    at("message").textContent = "接收端没有应答，正在重试";
    document.querySelector("header").className = "bad";
  }
  setTimeout(refresh, EVERY_MS);
}

refresh();
