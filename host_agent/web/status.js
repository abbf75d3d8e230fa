// How the agent of this PC fares, for the centre's technicians.
import { ask } from "./agent.js";
import { updateText } from "./update_words.js";
import { CONDITIONS, element, FAULTS, STATES } from "./words.js";

const POLL_MS = 2000;
const at = (id) => document.getElementById(id);
const FIGURES = [["waiting", "等待回执"], ["refused", "被拒收"], ["stored_total", "累计接收"], ["published_total", "累计上传"], ["receipted_total", "累计回执"]];

function faultRow(fault, wait) {
  const known = CONDITIONS[fault.code]?.join("，") || FAULTS[fault.code] || fault.message;
  const text = fault.window ? `${fault.window}：${known}` : known;
  const row = element("li", text, wait ? "notice wait" : "notice");
  row.append(element("small", fault.message));
  return row;
}

function figure(value, name) {
  const box = element("div", undefined, "card");
  box.append(element("b", String(value)), element("span", name));
  return box;
}

function terminalRow(item) {
  const row = element("tr");
  const clerk = item.clerk ? [item.clerk.name, item.clerk.number].filter(Boolean).join(" · ") : "—";
  const broken = ["bad_crc", "bad_length", "bad_cobs"].reduce((sum, name) => sum + (item.link[name] || 0), 0);
  const rtt = item.link.rtt_ms ?? null;
  const state = item.connected ? STATES[item.state] || item.message : (CONDITIONS[item.condition] || [item.message])[0];
  const filling = item.content ? String(item.content.pending.length) : "—";
  for (const text of [item.window, item.terminal, item.port, clerk, rtt === null ? "—" : `${rtt} 毫秒`, String(broken), filling]) row.append(element("td", text));
  const cell = element("td");
  const kind = { ready: "good", paused: "wait" }[item.condition] || "bad";
  cell.append(element("span", state, `chip ${kind}`));
  const [update, tone] = updateText(item.update);
  const firmware = element("td", item.firmware || "—", "firmware");
  if (update) firmware.append(element("small", update, tone));
  row.append(cell, firmware);
  return row;
}

(async function poll() {
  try {
    const status = await ask("GET", "/api/v1/status");
    const well = status.warnings.length ? `可正常使用，有 ${status.warnings.length} 个提醒` : "一切正常";
    at("summary").textContent = status.ok ? well : `${status.faults.length} 个问题`;
    at("summary").className = `chip ${status.ok ? (status.warnings.length ? "wait" : "good") : "bad"}`;
    at("faults").replaceChildren(...status.faults.map((fault) => faultRow(fault, false)), ...status.warnings.map((fault) => faultRow(fault, true)));
    at("figures").replaceChildren(
      figure(status.broker.connected ? "已连接" : "未连接", "消息服务"),
      ...FIGURES.map(([key, name]) => figure(status.store[key], name)),
    );
    at("terminals").replaceChildren(...status.terminals.map(terminalRow));
    at("agent-lost").hidden = true;
  } catch {
    at("agent-lost").hidden = false;
  }
  setTimeout(poll, POLL_MS);
})();
