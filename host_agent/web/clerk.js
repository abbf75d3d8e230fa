// The clerk's page of one window: login, serve, invite, withdraw, pause, by mouse and by keyboard.
import { ask, Follower } from "./agent.js";
import { Hotkeys } from "./clerk_keys.js";
import { at, isEnabled, person, showTerminal, showWork } from "./clerk_view.js";
import { element, ERRORS } from "./words.js";

const TOAST_MS = 8000;
const name = decodeURIComponent(location.pathname.split("/").pop());
const api = `/api/v1/windows/${encodeURIComponent(name)}`;
const PARTS = ["login", "still", "work"];

let view = null;
let busy = false;
let running = Promise.resolve(); // the order that is carried out now; it does not fail
let lost = false;
let part = "";
let toastTimer = 0;

function show(next) {
  if (lost) toast("已重新连接", true);
  view = { ...view, ...next };
  lost = false;
  at("agent-lost").hidden = true;
  render();
}

function lose(error) {
  lost = true;
  const text = error.code === "unknown_window" ? "没有这个窗口，请检查网址。" : "与本机程序失去联系，正在重试…";
  if (at("agent-lost").hidden || at("agent-lost").textContent !== text) at("agent-lost").textContent = text;
  at("agent-lost").hidden = part === "work"; // there the place of the state says it
  if (view) render();
}

function render() {
  document.title = `${view.name} · 窗口评价`;
  at("window-name").textContent = view.name;
  showTerminal(view, lost);
  turnTo(!view.clerk ? "login" : view.shift_over ? "still" : "work");
  if (view.hotkey && !keys.actions.has(view.hotkey)) nameInviteKey(view.hotkey);
  if (part === "still") {
    const who = person(view.clerk).replace(" · ", " ");
    at("still-who").textContent = `仍是 ${who} 吗？`;
    at("still-yes").textContent = `是，我是 ${view.clerk.name || view.clerk.number}`;
  }
  if (part === "work") showWork(view, busy, lost);
}

function nameInviteKey(key) {
  at("hotkey").textContent = key;
  at("invite").setAttribute("aria-keyshortcuts", key);
  keys.first(key, { what: "邀请评价", act: () => press("invite") });
}

// Show one of the three parts; the focus follows, but is not taken from where somebody types.
function turnTo(next) {
  if (next === part) return;
  const first = part === "";
  part = next;
  for (const id of PARTS) at(id).hidden = id !== part;
  if (part !== "work") clearCase();
  if (part === "login") at("login").reset();
  if (first && part === "work") return;
  at({ login: "number", still: "still-who", work: "invite" }[part]).focus();
}

function toast(text, good = false, undo = null) {
  clearTimeout(toastTimer);
  at("toast").firstChild.textContent = text;
  at("toast").className = good ? "toast good" : "toast";
  at("undo").hidden = !undo;
  at("undo").onclick = undo;
  at("toast").hidden = false;
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, TOAST_MS);
}

// Carry out one order at a time; return whether it was done.
function order(method, path, body) {
  if (!busy) return running = carryOut(method, path, body);
  return false;
}

async function carryOut(method, path, body) {
  busy = true;
  render();
  try {
    await ask(method, api + path, body);
    at("toast").hidden = true;
    await follower.refresh(); // until the page shows what was done, a second press is none
    return true;
  } catch (error) {
    toast(error.code ? ERRORS[error.code] || error.message : "与本机程序失去联系，请稍后再试。");
    return false;
  } finally {
    busy = false;
    render();
    if (!at("toast").hidden) follower.refresh();
  }
}

// Return what the clerk has filled in of the case, for the body of an order.
function theCase() {
  const given = { project_no: at("project").value.trim(), service_name: at("service").value.trim() };
  const found = Object.fromEntries(Object.entries(given).filter(([, text]) => text));
  return Object.keys(found).length ? { case: found } : {};
}

// Say whether the case can be sent; else show what is wrong with it.
function caseFits() {
  const wrong = [at("project"), at("service")].find((field) => !field.checkValidity());
  if (!wrong) return true;
  at("case").open = true;
  wrong.reportValidity();
  return false;
}

function clearCase() {
  at("project").value = at("service").value = "";
  at("case").open = false;
  showCase();
}

function showCase() {
  at("case-filled").textContent = [at("project").value, at("service").value].map((text) => text.trim()).filter(Boolean).join("，");
}

async function invite() {
  if (caseFits() && await order("POST", "/invites", { ...theCase(), origin: 2 })) clearCase();
}

async function serve() {
  await running;
  const ticket = at("ticket").value.trim();
  if (!ticket) return at("ticket").focus();
  if (!caseFits() || !await order("POST", "/serve", { ticket, ...theCase() })) return;
  at("ticket").value = "";
  at("invite").focus();
}

async function logout() {
  const { clerk } = view;
  if (!await order("POST", "/logout", {})) return;
  toast(`${person(clerk)} 已退出`, true, () => order("POST", "/login", clerk));
}

async function printPaper() {
  if (busy || !caseFits()) return;
  busy = true; // one press, one form: each has a number of its own
  render();
  try {
    const answer = await fetch(`${api}/paper-form`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(theCase()),
    });
    if (!answer.ok) throw (await answer.json()).error;
    window.open(URL.createObjectURL(await answer.blob()), "_blank", "noopener");
    clearCase();
  } catch (error) {
    toast(ERRORS[error.code] || "纸质评价表没有做成，请稍后再试。");
  } finally {
    busy = false;
    render();
  }
}

const ORDERS = {
  invite,
  cancel: () => order("DELETE", `/invites/${view.invite.invite}`),
  pause: () => order("POST", "/pause", { paused: !view.paused }),
  logout,
  paper: printPaper,
  help: showKeys,
  "still-yes": () => order("POST", "/login", view.clerk),
  "still-no": () => order("POST", "/logout", {}),
};

// Do what a button does, if it can be pressed now.
function press(id) {
  if (view && isEnabled(id)) ORDERS[id]();
}

function showKeys() {
  at("key-list").replaceChildren(...keys.list().flatMap(([key, what]) => {
    const head = element("dt");
    head.append(element("kbd", key));
    return [head, element("dd", what)];
  }));
  at("keys").showModal();
}

function foldCase() {
  at("case").open = !at("case").open;
  if (at("case").open) at("project").focus();
}

const working = (act) => () => { if (part === "work") act(); };
const keys = new Hotkeys({
  C: { what: "撤回邀请", act: () => press("cancel") },
  P: { what: "暂停或恢复服务", act: () => press("pause") },
  J: { what: "叫号：到排队号一栏", act: working(() => at("ticket").focus()) },
  B: { what: "办件信息", act: working(foldCase) },
  D: { what: "打印纸质评价表", act: () => press("paper") },
  "?": { what: "快捷键", act: () => press("help") },
});

for (const id of Object.keys(ORDERS)) {
  // The second click of a double click is none of its own.
  at(id).addEventListener("click", (event) => { if (event.detail <= 1) press(id); });
}
at("serve").addEventListener("submit", (event) => { event.preventDefault(); serve(); });
at("case").addEventListener("input", showCase);
at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  await running;
  if (part !== "login") return;
  const clerk = { number: at("number").value.trim() };
  for (const key of ["name", "post"]) if (at(key).value.trim()) clerk[key] = at(key).value.trim();
  if (at("stars").value) clerk.stars = Number(at("stars").value);
  order("POST", "/login", clerk);
});

localStorage.removeItem("yiping.clerk"); // an earlier page kept the last login here, for whoever came next
fetch(`${api}/paper-form`).then((answer) => { at("paper").hidden = !answer.ok; }, () => {});
const follower = new Follower(name, show, lose);
