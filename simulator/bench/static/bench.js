// The page of the demo: draws what the server tells and sends what the fingers do. No state of its own but the socket.
const LEVELS = { 5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意" };
const KINDS = {
  timed_out: "未评价（超时）", declined: "未评价（不评价）", cancelled: "邀请已取消", interrupted: "评价中断",
};
const LIST_LENGTH = 200;
const LOG_LENGTH = 100;
const RETRY_MS = 1000;
const LOST_AFTER_MS = 3000;
const $ = (id) => document.getElementById(id);

const screen = $("screen").getContext("2d");
const down = new Set();
let socket = null;
let lastSeen = performance.now();
let audio = null;

// ── keys ─────────────────────────────────────────────────────────────
function face(level) {
  return `<svg aria-hidden="true"><use href="#face${6 - level}"/></svg>`;
}

function drawKeys() {
  for (let key = 1; key <= 5; key++) {
    const level = 6 - key;
    $("keys").append(makeKey(key, `${face(level)}${LEVELS[level]}`, String(key), `${key} 号键 ${LEVELS[level]}`));
  }
  const other = makeKey("function", "不评价", "●", "功能键 不评价");
  other.classList.add("function");
  $("keys").append(other);
}

function makeKey(key, print, cap, label) {
  const box = document.createElement("div");
  box.className = "key";
  box.dataset.key = key;
  box.innerHTML = `<span class="print">${print}</span><button type="button" aria-label="${label}">${cap}</button>`;
  const button = box.querySelector("button");
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    press(key, true);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, () => press(key, false));
  return box;
}

function press(key, isDown) {
  if (down.has(key) === isDown) return;
  if (isDown) down.add(key); else down.delete(key);
  document.querySelector(`.key[data-key="${key}"] button`).classList.toggle("down", isDown);
  audio ??= new AudioContext();
  send({ do: isDown ? "down" : "up", key });
}

function keyOf(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (/^[1-5]$/.test(event.key)) return Number(event.key);
  return event.key === "0" ? "function" : null;
}

function listenToKeyboard() {
  addEventListener("keydown", (event) => { const key = keyOf(event); if (key) { event.preventDefault(); press(key, true); } });
  addEventListener("keyup", (event) => { const key = keyOf(event); if (key) press(key, false); });
  addEventListener("blur", () => { for (const key of [...down]) press(key, false); });
}

function listenToSwitches() {
  for (const what of ["cable", "power", "broker"]) {
    $(`sw-${what}`).addEventListener("change", (event) => {
      event.target.disabled = true;  // until the server says how it went
      send({ do: what, on: event.target.checked });
    });
  }
}

// ── what the server says ─────────────────────────────────────────────
function connect() {
  socket = new WebSocket(`ws://${location.host}/ws`);
  socket.binaryType = "blob";
  socket.addEventListener("message", (event) => {
    lastSeen = performance.now();
    $("lost").hidden = true;
    if (event.data instanceof Blob) drawScreen(event.data);
    else take(JSON.parse(event.data));
  });
  socket.addEventListener("close", () => {
    $("lost").hidden = performance.now() - lastSeen < LOST_AFTER_MS;
    setTimeout(connect, RETRY_MS);
  });
}

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

async function drawScreen(png) {
  const bitmap = await createImageBitmap(png);
  screen.drawImage(bitmap, 0, 0);
  bitmap.close();
}

function take(message) {
  if (message.hello) showHello(message.hello);
  if (message.state) showState(message.state);
  if (message.lamps) showLamps(message.lamps);
  if (message.records) message.records.forEach(addRecord);
  if (message.receipts) message.receipts.forEach(showReceipt);
  if (message.log) message.log.forEach(addLog);
  if (message.tone) beep(message.tone);
}

function showHello(hello) {
  $("clerk-link").href = hello.clerk_url;
  $("city-link").href = hello.city_url;
  $("clerk").dataset.src = hello.clerk_url;
  $("ratings").replaceChildren();
  $("log").replaceChildren();
}

function showState(state) {
  for (const what of ["cable", "power", "broker"]) {
    const box = $(`sw-${what}`);
    box.checked = state[what];
    box.disabled = state.busy.includes(what);
  }
  mark("station", "terminal", !state.power, state.waiting.terminal);
  mark("leg", "cable", !state.link);
  mark("station", "agent", !state.agent, state.waiting.agent);
  mark("leg", "broker", !state.broker);
  mark("station", "city", !state.city);
  for (const [name, value] of Object.entries(state.counts)) $(`n-${name}`).value = value;
  showVeils(state);
  $("summary").textContent = state.summary.text;
  $("summary").className = `summary ${state.summary.tone}`;
}

function mark(kind, name, isDown, waiting = 0) {
  const element = document.querySelector(`[data-${kind}="${name}"]`);
  element.classList.toggle("down", isDown);
  element.classList.toggle("waits", !isDown && waiting > 0);
  const fig = element.querySelector(".fig");
  if (!fig || kind !== "station") return;
  let note = fig.querySelector(".wait");
  if (!note) { note = document.createElement("span"); note.className = "wait"; fig.append(note); }
  note.textContent = waiting > 0 ? `待送 ${waiting}` : "";
}

function showVeils(state) {
  $("veil").hidden = state.power;
  $("veil").innerHTML = "终端没有电源<small>no power</small>";
  const frame = $("clerk");
  $("clerk-veil").hidden = state.agent;
  if (state.agent && !frame.src) frame.src = frame.dataset.src;
  // The invite was made in the frame; the keys 1–5 belong to the terminal again.
  if (state.invited && document.activeElement === frame) { frame.blur(); window.focus(); }
}

function showLamps(lamps) {
  lamps.forEach((lit, index) => document.querySelector(`.key[data-key="${index + 1}"]`).classList.toggle("lit", lit));
}

function addRecord(record) {
  const row = document.createElement("li");
  row.id = `r-${record.id}`;
  row.dataset.invite = record.invite;
  row.dataset.level = record.level ?? "";
  const about = [record.clerk, record.service_ref].filter(Boolean).join(" · ") || "";
  const words = record.level ? LEVELS[record.level] : KINDS[record.kind];
  row.innerHTML = `<span class="level"></span><span class="about"></span><span class="when"></span>`;
  row.querySelector(".level").innerHTML = record.level ? face(record.level) : "";
  row.querySelector(".level").append(words);
  row.querySelector(".about").textContent = `${record.window} · ${about} · #${record.seq}`;
  const mark = document.createElement("em");
  mark.className = "no";
  mark.textContent = "等待回执";
  row.querySelector(".when").append(record.time, mark);
  if (record.level) replaceEarlier(record.invite); else row.classList.add("fact");
  row.classList.add("new");
  $("ratings").prepend(row);
  while ($("ratings").children.length > LIST_LENGTH) $("ratings").lastChild.remove();
}

function replaceEarlier(invite) {
  for (const row of $("ratings").querySelectorAll(`li[data-invite="${CSS.escape(invite)}"]:not(.replaced)`)) {
    row.classList.add("replaced");
    row.querySelector(".about").prepend("已改选 · ");
  }
}

function showReceipt(receipt) {
  const mark = document.querySelector(`#${CSS.escape(`r-${receipt.id}`)} .when em`);
  if (!mark) return;
  mark.textContent = receipt.ms === null ? "已回执" : `已回执 ${waited(receipt.ms)}`;
  mark.className = "";
}

function waited(ms) {
  return ms < 10000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}

function addLog(entry) {
  const row = document.createElement("li");
  row.className = entry.tone;
  const time = document.createElement("time");
  time.textContent = entry.time;
  row.append(time, entry.text);
  $("log").prepend(row);
  while ($("log").children.length > LOG_LENGTH) $("log").lastChild.remove();
}

function beep(hertz) {
  if (!audio) return;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = hertz;
  volume.gain.value = 0.05;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.08);
}

drawKeys();
listenToKeyboard();
listenToSwitches();
connect();
