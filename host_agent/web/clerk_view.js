// What the clerk's page says about a window. It shows outcomes; it never learns a level.
import { CONDITIONS, COUNTS, element, OUTCOMES, PARTS, stars, STATES } from "./words.js";

const OPEN = ["pending", "open"];
const KINDS = {
  invited: "invited", chosen: "done", offer: "done", business: "done", service: "done", tags: "done", thanks: "done",
  unrated: "wait", not_invited: "wait", updating: "wait",
};
const LOST = ["与本机程序失去联系", "正在重试；一直不恢复请联系技术人员。评价器上的评价不会丢失。"];

export const at = (id) => document.getElementById(id);
export const isUsable = (view) => ["ready", "paused"].includes(view.condition);
export const isOpen = (view) => Boolean(view.invite) && OPEN.includes(view.invite.state);
export const person = (clerk) => [clerk.name, clerk.number].filter(Boolean).join(" · ");
const condition = (view) => CONDITIONS[view.condition] || [view.message, ""];

export function enable(id, on) {
  at(id).setAttribute("aria-disabled", String(!on)); // it keeps the focus, which a disabled one loses
}

export const isEnabled = (id) => at(id).getAttribute("aria-disabled") !== "true" && at(id).offsetParent !== null;

// Text that has not changed is left alone: a screen reader would say it again.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function showTerminal(view, lost) {
  const usable = !lost && isUsable(view);
  const kind = usable ? "good" : !lost && view.condition === "connecting" ? "wait" : "bad";
  at("terminal").className = `chip ${kind}`;
  at("terminal").firstChild.className = `dot ${kind}`;
  say(at("terminal").lastChild, lost ? "状态未知" : usable ? "评价器已连接" : chip(view));
  const [what, cure] = condition(view);
  at("trouble").hidden = lost || usable || Boolean(view.clerk) && !view.shift_over; // else the place of the state says it
  say(at("trouble").firstChild, what);
  say(at("trouble").lastChild, cure);
}

const chip = (view) => view.connected ? "评价器异常" : view.condition === "no_terminal" ? "无评价器" : "评价器未连接";

export function showWork(view, busy, lost) {
  const { clerk } = view;
  say(at("badge"), (clerk.name || clerk.number).slice(0, 1));
  say(at("clerk-name"), person(clerk));
  say(at("clerk-post"), [clerk.post, stars(clerk.stars)].filter(Boolean).join("　"));
  const [text, kind, hint] = lost ? [LOST[0], "bad", LOST[1]] : words(view);
  say(at("state-text"), text);
  at("state").className = `state ${kind}`;
  say(at("outcome"), hint);
  const open = isOpen(view);
  const able = !busy && !lost;
  const usable = isUsable(view) && view.state !== "updating";
  enable("invite", able && view.connected && usable && !view.paused && !open);
  enable("cancel", able && view.connected && open && view.state !== "chosen");
  enable("pause", able);
  enable("logout", able);
  enable("paper", able);
  say(at("pause-text"), view.paused ? "恢复服务" : "暂停服务");
  at("pause").setAttribute("aria-pressed", String(view.paused));
  showCounts(view.today);
}

// Return the state in words, its colour, and the line below it.
function words(view) {
  if (!isUsable(view)) {
    const [what, cure] = condition(view);
    return [what, view.condition === "connecting" ? "wait" : "bad", cure];
  }
  if (view.paused) return [STATES.paused, "wait", "恢复后才能邀请评价"];
  const open = isOpen(view);
  if (open && !["invited", "chosen"].includes(view.state)) return ["正在邀请…", "invited", outcome(view, open, view.state)];
  // The sealed outcome is known before the terminal's page changes back.
  const state = view.state === "invited" && !open && view.invite ? "idle" : view.state;
  const text = STATES[state] || "";
  const hint = outcome(view, open, state);
  return [state === "serving" && view.ticket ? `正在服务 ${view.ticket}` : text, KINDS[state] || "", hint];
}

function outcome(view, open, state) {
  if (state === "chosen") return "群众还可以更改，请稍候";
  if (state === "not_invited") return "没有邀请的按键不算评价，请先邀请";
  if (open) return view.invite.state === "pending" ? OUTCOMES.pending : "请提示群众在评价器上按键";
  if (["offer", "business", "service", "tags"].includes(state)) return "可以邀请下一位，不必等待";
  if (view.filling) return "正在更新评价器上的内容，不影响邀请";
  if (!view.invite || state === "thanks") return tested(view);
  return OUTCOMES[view.invite.state] || tested(view);
}

// What the terminal's self-test found wrong; it rates all the same.
function tested(view) {
  const names = view.failed_parts.map((part) => PARTS[part] || part);
  return names.length ? `评价器自检异常：${names.join("、")}。可继续评价，请联系技术人员` : "";
}

function showCounts(today) {
  const rows = Object.keys(COUNTS).filter((key) => key in today);
  if (at("counts").childElementCount !== rows.length) {
    at("counts").replaceChildren(...rows.map((key) => {
      const row = element("div");
      row.append(element("dt", COUNTS[key]), element("dd"));
      row.dataset.count = key;
      return row;
    }));
  }
  for (const row of at("counts").children) say(row.lastChild, String(today[row.dataset.count]));
}
