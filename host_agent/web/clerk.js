// The clerk's page of one window. It asks the agent twice a second and shows what it answers; it never learns a level.
import { ask, CONDITIONS, ERRORS, OUTCOMES, stars, STATES } from "./words.js";

const POLL_MS = 500;
const TOAST_MS = 6000;
const KEPT = "yiping.clerk"; // this PC's last login, offered again
const OPEN = ["pending", "open"];
const api = "/api/v1/windows/" + encodeURIComponent(decodeURIComponent(location.pathname.split("/").pop()));
const at = (id) => document.getElementById(id);

let view = null;
let busy = false;
let toastTimer = 0;

function show(next) {
  view = next;
  document.title = `${view.name} · 窗口评价`;
  at("window-name").textContent = view.name;
  at("agent-lost").hidden = true;
  showTerminal();
  at("login").hidden = Boolean(view.clerk);
  at("work").hidden = !view.clerk;
  if (view.hotkey) at("hotkey").textContent = view.hotkey;
  if (view.clerk) showWork();
}

function showTerminal() {
  const usable = ["ready", "paused"].includes(view.condition);
  const kind = usable ? "good" : view.condition === "connecting" ? "wait" : "bad";
  at("terminal").className = `chip ${kind}`;
  at("terminal").firstChild.className = `dot ${kind}`;
  at("terminal").lastChild.textContent = usable ? "评价器已连接" : view.connected ? "评价器异常" : "评价器未连接";
  const [what, cure] = CONDITIONS[view.condition] || [view.message, ""];
  // Who is logged in reads it in the place of the state.
  at("trouble").hidden = usable || Boolean(view.clerk);
  at("trouble").firstChild.textContent = what;
  at("trouble").lastChild.textContent = cure;
}

function showWork() {
  const { clerk, invite } = view;
  at("badge").textContent = (clerk.name || clerk.number).slice(0, 1);
  at("clerk-name").textContent = [clerk.name, clerk.number].filter(Boolean).join(" · ");
  at("clerk-post").textContent = [clerk.post, stars(clerk.stars)].filter(Boolean).join("　");
  const open = Boolean(invite) && OPEN.includes(invite.state);
  const [text, kind, hint] = words(open);
  at("state-text").textContent = text;
  at("state").className = `state ${kind}`;
  at("outcome").textContent = hint;
  at("invite").disabled = busy || !view.connected || view.paused || open;
  at("cancel").disabled = busy || !view.connected || !open || view.state === "chosen";
  at("pause").textContent = view.paused ? "恢复服务" : "暂停服务";
  at("pause").setAttribute("aria-pressed", String(view.paused));
}

// Return the state in words, its colour, and the line below it.
function words(open) {
  if (!["ready", "paused"].includes(view.condition)) {
    const [what, cure] = CONDITIONS[view.condition] || [view.message, ""];
    return [what, view.condition === "connecting" ? "wait" : "bad", cure];
  }
  if (view.paused) return [STATES.paused, "wait", "恢复后才能邀请评价"];
  // The sealed outcome is known before the terminal's page changes back.
  if (view.state === "invited" && !open && view.invite) return [STATES.idle, "", outcome(open)];
  const kinds = { invited: "invited", chosen: "done", thanks: "done", unrated: "wait", not_invited: "wait" };
  const text = STATES[view.state] || (open ? STATES.invited : "");
  return [view.state === "serving" && view.ticket ? `正在服务 ${view.ticket}` : text, kinds[view.state] || "", outcome(open)];
}

function outcome(open) {
  if (!view.invite || view.state === "thanks") return "";
  if (view.state === "chosen") return "群众还可以更改，请稍候";
  if (open) return view.invite.state === "pending" ? OUTCOMES.pending : "请提示群众在评价器上按键";
  return OUTCOMES[view.invite.state] || "";
}

function toast(text, good = false) {
  clearTimeout(toastTimer);
  at("toast").textContent = text;
  at("toast").className = good ? "toast good" : "toast";
  at("toast").hidden = false;
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, TOAST_MS);
}

async function order(method, path, body) {
  if (busy) return false;
  busy = true;
  if (view?.clerk) showWork();
  try {
    await ask(method, api + path, body);
    at("toast").hidden = true;
    return true;
  } catch (error) {
    toast(error.code ? ERRORS[error.code] || error.message : "与本机程序失去联系，请稍后再试。");
    return false;
  } finally {
    busy = false;
    await refresh();
  }
}

async function refresh() {
  try {
    show(await ask("GET", api));
  } catch (error) {
    if (error.code === "unknown_window") {
      at("agent-lost").textContent = "没有这个窗口，请检查网址。";
    }
    at("agent-lost").hidden = false;
    at("invite").disabled = true;
  }
}

const invite = () => order("POST", "/invites", { origin: 2 });

at("invite").addEventListener("click", invite);
at("cancel").addEventListener("click", () => order("DELETE", `/invites/${view.invite.invite}`));
at("pause").addEventListener("click", () => order("POST", "/pause", { paused: !view.paused }));
at("logout").addEventListener("click", () => order("POST", "/logout", {}));
at("serve").addEventListener("submit", async (event) => {
  event.preventDefault();
  const ticket = at("ticket").value.trim();
  if (ticket && await order("POST", "/serve", { ticket })) at("ticket").value = "";
});
at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const clerk = { number: at("number").value.trim() };
  for (const key of ["name", "post"]) if (at(key).value.trim()) clerk[key] = at(key).value.trim();
  if (at("stars").value) clerk.stars = Number(at("stars").value);
  localStorage.setItem(KEPT, JSON.stringify(clerk));
  order("POST", "/login", clerk);
});
document.addEventListener("keydown", (event) => {
  if (!view || event.key !== view.hotkey || event.repeat) return;
  event.preventDefault();
  if (!at("work").hidden && !at("invite").disabled) invite();
});

const kept = JSON.parse(localStorage.getItem(KEPT) || "null");
if (kept) for (const key of ["number", "name", "post", "stars"]) at(key).value = kept[key] ?? "";

(async function poll() {
  if (!busy) await refresh();
  setTimeout(poll, POLL_MS);
})();
