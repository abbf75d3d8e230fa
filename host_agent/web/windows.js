// The list of this PC's windows.
import { ask } from "./agent.js";
import { CONDITIONS, element, STATES } from "./words.js";

const POLL_MS = 2000;

// Return the chip's text and kind, and the line that says more.
function state(item) {
  if (item.condition === "paused") return ["已暂停", "wait", STATES.paused];
  if (item.condition !== "ready") return ["未就绪", "bad", (CONDITIONS[item.condition] || [item.message])[0]];
  return ["已连接", "good", item.shift_over ? "请确认是谁在服务" : STATES[item.state] || ""];
}

function entry(item) {
  const [text, kind, line] = state(item);
  const link = element("a", undefined, "card");
  link.href = `/clerk/${encodeURIComponent(item.window)}`;
  const name = element("strong", item.name);
  name.append(element("span", text, `chip ${kind}`));
  const clerk = item.clerk ? [item.clerk.name, item.clerk.number].filter(Boolean).join(" · ") : "未登录";
  const { invited, rated } = item.today;
  link.append(name, element("span", clerk), element("span", line), element("span", `今日邀请 ${invited}，已评价 ${rated}`));
  const row = element("li");
  row.append(link);
  return row;
}

let shown = "";

(async function poll() {
  try {
    const { items } = await ask("GET", "/api/v1/windows");
    const text = JSON.stringify(items);
    // A list that is made anew would take the focus from who walks through it by keyboard.
    if (text !== shown) document.getElementById("windows").replaceChildren(...items.map(entry));
    shown = text;
    document.getElementById("agent-lost").hidden = true;
  } catch {
    document.getElementById("agent-lost").hidden = false;
  }
  setTimeout(poll, POLL_MS);
})();
