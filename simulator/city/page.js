"use strict";
// Shows what arrived at the city: one row an invite, newest first, kept live by the WebSocket /api/v1/stream.
const ROWS = 60;
const DEVICE_ROWS = 24;
const RETRY_MS = 1500;
const SUMMARY_MS = 500;
const REREAD_MS = 60000; // a rating settles by time alone, without any news
const clock = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai", hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const day = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", month: "numeric", day: "numeric" });
const CHAIN = { ok: ["链完整", "good"], pending: ["待前一条", ""], broken: ["链断裂", "bad"] };
const SETTLED = { open: ["可更改", ""], settled: ["已定", ""], incomplete: ["后一条未到", "bad"] };
const CHANNELS = { kiosk: "自助终端", paper: "纸质" };
const ORIGIN_TERMINAL = 3;
const ALARMING = new Set(["fault", "case_opened", "maintenance"]);

let words = { levels: {}, kinds: {}, tables: {} };
let summaryTimer = 0;
const at = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

async function get(path) {
  const answer = await fetch(`/api/v1/${path}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function timeOf(record) {
  const ms = record.utc_ms ?? record.stored_utc_ms ?? record.received_utc_ms;
  if (!ms) return make("time", "", "时间未知");
  const date = new Date(ms);
  const today = day.format(new Date()) === day.format(date);
  const node = make("time", "", today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`);
  node.dateTime = date.toISOString();
  return node;
}

// A code means what the table says that its terminal offered.
const tagText = (event, code) => words.tables[event.tag_table]?.[code] ?? `标签 ${code}`;
const levelText = (level) => words.levels[level] ?? `等级 ${level}`;

function pathOf(history) {
  const steps = history.map((event) => event.level);
  const path = steps.filter((level, index) => index === 0 || level !== steps[index - 1]);
  if (path.length < 2) return null;
  const node = make("span", "path", "更改：");
  path.forEach((level, index) => node.append(index ? " → " : "", make("b", `l${level}`, levelText(level))));
  return node;
}

function detailsOf(view) {
  const event = view.event;
  const tags = (event.tags ?? []).map((code) => make("span", "chip", tagText(event, code)));
  return make("div", "details",
    event.business_level ? make("span", "", `业务评价 ${levelText(event.business_level)}`) : null,
    event.service_level ? make("span", "", `服务评价 ${levelText(event.service_level)}`) : null,
    ...tags, pathOf(view.history));
}

function sideOf(view) {
  const event = view.event;
  const states = [CHAIN[event.chain] ?? CHAIN.pending];
  if (view.state === "rated") states.unshift(SETTLED[view.settled]);
  const side = make("div", "side", timeOf(event), make("span", "states", ...states.map(([text, tone]) => make("span", tone, text))));
  if (event.unsealed) side.append(make("span", "states", make("span", "unsealed", "未密封硬件")));
  if (view.disputed) side.append(make("span", "states", make("span", "bad", "存在冲突")));
  if (event.invite_bound === false) side.append(make("span", "states", make("span", "bad", "办件不符")));
  return side;
}

// What a rating is about: as its service's record tells, else as the invite binds it.
function caseOf(view) {
  const { event, service } = view;
  if (event.origin === ORIGIN_TERMINAL) return make("span", "unlinked", "未关联（窗口按键邀请）");
  if (!service) return make("span", "service", event.service_ref ? `办件 ${event.service_ref}` : "");
  const parts = [service.project_no ? `办件 ${service.project_no}` : "未填办件号",
    service.service_no === null ? "" : `第 ${service.service_no} 次服务`, service.case.service_name,
    service.case.task_name, CHANNELS[service.channel]];
  return make("span", "service", parts.filter(Boolean).join(" · "));
}

function rowOf(view) {
  const event = view.event;
  const level = view.level ?? 0;
  const kind = words.kinds[view.state] ?? `其他（${view.kind_code}）`;
  const [head, note] = level ? [levelText(level), ""] : kind.replace("）", "").split("（");
  const unlinked = event.origin === ORIGIN_TERMINAL ? "" : "未关联人员";
  const clerk = event.clerk ? `工号 ${event.clerk}` : unlinked;
  const row = make("li", `l${level}${view.disputed ? " disputed" : ""}`,
    make("div", "level", head, note ? make("small", "", note) : null),
    make("div", "about", make("b", "", event.window || "窗口未知"), clerk ? `　${clerk}　` : "　",
      caseOf(view), detailsOf(view)),
    sideOf(view));
  row.dataset.invite = view.invite;
  row.dataset.level = String(level);
  return row;
}

function place(view, fresh) {
  const list = at("list");
  const old = [...list.children].find((row) => row.dataset.invite === view.invite);
  const row = rowOf(view);
  if (fresh) row.classList.add("fresh");
  if (old) old.replaceWith(row);
  else list.prepend(row);
  while (list.children.length > ROWS) list.lastChild.remove();
  at("empty").hidden = true;
}

function deviceOf(event) {
  const text = words.kinds[event.kind] ?? `其他事件 ${event.kind_code}`;
  const detail = [event.window, event.count ? `${event.count} 次` : ""].filter(Boolean).join(" · ");
  return make("li", "", make("div", ALARMING.has(event.kind) ? "bad" : "", text, make("small", "", detail)), timeOf(event));
}

function placeDevice(event) {
  const list = at("devices");
  list.prepend(deviceOf(event));
  while (list.children.length > DEVICE_ROWS) list.lastChild.remove();
  at("device-empty").hidden = true;
}

function showWindows(windows) {
  at("windows").replaceChildren(...windows.map((one) => make("tr", "",
    make("th", "", one.window), make("td", "", String(one.services)),
    make("td", one.without_invite ? "bad" : "", String(one.without_invite)), make("td", "", String(one.unlinked)))));
  at("coverage").hidden = windows.length === 0;
}

function showSummary(sum) {
  showWindows(sum.windows);
  at("ratings").textContent = sum.ratings;
  const unrated = Object.values(sum.unrated).reduce((a, b) => a + b, 0);
  at("unrated").textContent = unrated ? `另有 ${unrated} 次未评价` : "";
  at("levels").replaceChildren(...[5, 4, 3, 2, 1].map((level) =>
    make("li", `l${level}`, make("b", "", String(sum.by_level[level] ?? 0)), make("span", "", levelText(level)))));
  at("bar").replaceChildren(...[5, 4, 3, 2, 1].map((level) => {
    const part = make("i", `l${level}`);
    part.style.flexGrow = sum.by_level[level] ?? 0;
    return part;
  }));
  const wrong = [[sum.gaps, "条缺号"], [sum.conflicts, "条冲突"], [sum.broken, "处链断裂"]].filter(([count]) => count);
  const attention = at("attention");
  attention.className = wrong.length ? "alert" : "";
  attention.textContent = wrong.length
    ? `请核查：${wrong.map(([count, text]) => `${count} ${text}`).join("，")}`
    : sum.events ? `${sum.terminals} 台终端，${sum.events} 条记录，序号完整，无冲突` : "";
}

function refreshSummary() {
  if (summaryTimer) return;
  summaryTimer = setTimeout(async () => {
    summaryTimer = 0;
    try { showSummary(await get("summary")); } catch { /* the stream's own retry shows that the city is away */ }
  }, SUMMARY_MS);
}

async function readAll() {
  const [invites, devices, summary] = await Promise.all([
    get(`invites?limit=${ROWS}`), get(`devices?limit=${DEVICE_ROWS}`), get("summary")]);
  at("list").replaceChildren(...invites.items.map(rowOf));
  at("devices").replaceChildren(...devices.items.map(deviceOf));
  at("empty").hidden = invites.items.length > 0;
  at("device-empty").hidden = devices.items.length > 0;
  showSummary(summary);
}

function say(text, tone) {
  at("live").textContent = text;
  at("live").className = `live ${tone}`;
}

function listen() {
  const socket = new WebSocket(`ws://${location.host}/api/v1/stream`);
  socket.onopen = async () => {
    say("实时", "on");
    await readAll();
  };
  socket.onmessage = (message) => {
    const news = JSON.parse(message.data);
    const fresh = new Set(news.items.map((item) => item.invite));
    news.invites.forEach((view) => place(view, fresh.has(view.invite)));
    news.items.filter((item) => item.kind_code > 5).forEach(placeDevice);
    refreshSummary();
  };
  socket.onclose = () => {
    say("连接中断，正在重试", "off");
    setTimeout(listen, RETRY_MS);
  };
}

async function start() {
  try {
    words = await get("words");
  } catch {
    say("连接中断，正在重试", "off");
    setTimeout(start, RETRY_MS);
    return;
  }
  listen();
}

setInterval(() => { if (at("live").classList.contains("on")) readAll().catch(() => {}); }, REREAD_MS);
start();
