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

const BOARDS = { k5: "五键", t35: "触摸屏" };
const VOICES = { zh: "中文", en: "英语", ko: "韩语" };
// What the function key does now, by the state that the agent knows; without a link nobody knows.
const FUNCTIONS = {
  idle: "换语言", no_clerk: "换语言", serving: "换语言", invited: "不评价", offer: "继续评价", business: "跳过", service: "跳过", tags: "完成",
};
const TAG_ROWS = [0.23, 0.46, 0.68];

const screen = $("screen").getContext("2d");
const down = new Set();
const fingers = new Map();
let places = [];
let shown = 0;
let tags = {};
let lastState = null;
let movePending = false;
let socket = null;
let lastSeen = performance.now();
let audio = null;

// ── keys ─────────────────────────────────────────────────────────────
function face(level) {
  return `<svg aria-hidden="true"><use href="#face${6 - level}"/></svg>`;
}

function drawKeys(keys) {
  $("keys").replaceChildren();
  for (const key of keys.filter((name) => /^[1-5]$/.test(name))) {
    const level = 6 - Number(key);
    $("keys").append(makeKey(key, `${face(level)}${LEVELS[level]}`, key, `${key} 号键 ${LEVELS[level]}`));
  }
  const other = makeKey("function", "功能", "●", "功能键");
  other.classList.add("function");
  $("keys").append(other);
}

function makeKey(key, print, cap, label) {
  const box = document.createElement("div");
  box.className = "key";
  box.dataset.key = key;
  box.innerHTML = `<span class="print">${print}</span><button type="button" aria-label="${label}">${cap}</button>`;
  listenToButton(box.querySelector("button"), key);
  return box;
}

function listenToButton(button, key) {
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    press(key, true);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, () => press(key, false));
}

function press(key, isDown) {
  if (down.has(key) === isDown) return;
  if (isDown) down.add(key); else down.delete(key);
  audio ??= new AudioContext();
  const button = key === "clerk" ? $("clerk-key") : document.querySelector(`.key[data-key="${key}"] button`);
  button?.classList.toggle("down", isDown);
  if (button) send({ do: isDown ? "down" : "up", place: shown, key });
  else touchByKey(key, isDown);
}

// ── the glass ────────────────────────────────────────────────────────
function listenToGlass() {
  const glass = $("screen");
  glass.addEventListener("pointerdown", (event) => {
    if (!places[shown]?.touch) return;
    glass.setPointerCapture(event.pointerId);
    audio ??= new AudioContext();
    fingers.set(event.pointerId, placeOf(event));
    sendFingers();
  });
  glass.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, placeOf(event));
    if (movePending) return;
    movePending = true;
    requestAnimationFrame(() => { if (movePending) sendFingers(); });
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    glass.addEventListener(name, (event) => { if (fingers.delete(event.pointerId)) sendFingers(); });
  }
}

function placeOf(event) {
  const box = $("screen").getBoundingClientRect();
  const { width, height } = places[shown];
  const on = (part, size) => Math.max(0, Math.min(size - 1, Math.floor(part * size)));
  return [on((event.clientX - box.left) / box.width, width), on((event.clientY - box.top) / box.height, height)];
}

function sendFingers() {
  movePending = false;
  send({ do: "touch", place: shown, points: [...fingers.values()].slice(0, 2) });
}

// A digit on the keyboard is a finger on that column, or on that row of the tags.
function touchByKey(key, isDown) {
  if (!isDown) { if (fingers.delete(key)) sendFingers(); return; }
  const { width, height } = places[shown];
  const number = Number(key);
  const isTags = lastState?.places[shown].state === "tags";
  if (isTags && number > 4) return;
  const at = !isTags ? [(number - 0.5) / 5, 0.78] : number === 4 ? [0.92, 0.92] : [0.42, TAG_ROWS[number - 1]];
  fingers.set(key, [Math.floor(width * at[0]), Math.floor(height * at[1])]);
  sendFingers();
}

function letAllGo() {
  for (const key of [...down]) press(key, false);
  if (fingers.size) { fingers.clear(); sendFingers(); }
}

function keyOf(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (/^[1-5]$/.test(event.key)) return event.key;
  return { 0: "function", 9: "clerk" }[event.key] ?? null;
}

function listenToKeyboard() {
  addEventListener("keydown", (event) => { const key = keyOf(event); if (key) { event.preventDefault(); press(key, true); } });
  addEventListener("keyup", (event) => { const key = keyOf(event); if (key) press(key, false); });
  addEventListener("blur", letAllGo);
}

function listenToSwitches() {
  for (const what of ["cable", "power", "broker"]) {
    $(`sw-${what}`).addEventListener("change", (event) => {
      event.target.disabled = true;  // until the server says how it went
      send({ do: what, place: shown, on: event.target.checked });
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

async function drawScreen(message) {
  const number = new Uint8Array(await message.slice(0, 1).arrayBuffer())[0];
  const place = places[number];
  if (!place) return;
  const turn = place.turn = (place.turn ?? 0) + 1;
  const bitmap = await createImageBitmap(message.slice(1, message.size, "image/png"));
  if (place.turn !== turn) { bitmap.close(); return; }  // a newer picture came meanwhile
  place.picture?.close();
  place.picture = bitmap;
  if (number === shown) screen.drawImage(bitmap, 0, 0);
}

function take(message) {
  if (message.hello) showHello(message.hello);
  if (message.state) showState(message.state);
  if (message.place !== undefined) takeOfPlace(message);
  if (message.records) message.records.forEach(addRecord);
  if (message.receipts) message.receipts.forEach(showReceipt);
  if (message.log) message.log.forEach(addLog);
}

function takeOfPlace(message) {
  const place = places[message.place];
  if (!place) return;
  if (message.lamps !== undefined) place.lit = message.lamps ?? [];
  if (message.dim !== undefined) place.dim = message.dim;
  if (message.voice !== undefined) place.voice = message.voice;
  if (message.place !== shown) return;
  if (message.tone) beep(message.tone);
  showSenses();
}

function showHello(hello) {
  places = hello.places.map((place) => ({ ...place, lit: [], dim: false, voice: null }));
  tags = hello.tags;
  $("city-link").href = hello.city_url;
  $("ratings").replaceChildren();
  $("log").replaceChildren();
  $("tabs").replaceChildren(...places.map(makeTab));
  choose(Math.min(shown, places.length - 1));
}

function makeTab(place, number) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.role = "tab";
  tab.textContent = `${place.name} · ${BOARDS[place.board] ?? place.board}`;
  tab.addEventListener("click", () => choose(number));
  return tab;
}

// ── one terminal at a time ───────────────────────────────────────────
function choose(number) {
  letAllGo();
  shown = number;
  const place = places[number];
  [...$("tabs").children].forEach((tab, index) => tab.setAttribute("aria-selected", String(index === number)));
  document.querySelector(".housing").classList.toggle("touch", place.touch);
  $("screen").width = place.width;
  $("screen").height = place.height;
  if (place.picture) screen.drawImage(place.picture, 0, 0);
  drawKeys(place.keys);
  $("clerk-link").href = place.clerk_url;
  $("clerk").dataset.src = place.clerk_url;
  if ($("clerk").hasAttribute("src")) $("clerk").src = place.clerk_url;
  showSenses();
  if (lastState) showState(lastState);
}

function showSenses() {
  const { lit, dim, voice } = places[shown];
  document.body.classList.toggle("dim", dim);
  lit.forEach((isLit, index) => document.querySelector(`.key[data-key="${index + 1}"]`)?.classList.toggle("lit", isLit));
  $("voice").hidden = !voice;
  if (!voice) return;
  $("voice-text").textContent = voice.text;
  $("voice-how").textContent = `${VOICES[voice.language] ?? ""} ${voice.percent} %`;
}

function showState(state) {
  lastState = state;
  const place = state.places[shown];
  if (!place) return;
  for (const what of ["cable", "power"]) showSwitch(what, place[what], place.busy.includes(what));
  showSwitch("broker", state.broker, state.busy.includes("broker"));
  mark("station", "terminal", !place.power, place.waiting);
  mark("leg", "cable", !place.link);
  mark("station", "agent", !state.agent, state.waiting);
  mark("leg", "broker", !state.broker);
  mark("station", "city", !state.city);
  [...$("tabs").children].forEach((tab, index) => tab.classList.toggle("down", !state.places[index].link));
  const meaning = FUNCTIONS[place.state];
  document.querySelector(".key.function .print").textContent = place.link && meaning ? `功能：${meaning}` : "功能";
  for (const [name, value] of Object.entries(state.counts)) $(`n-${name}`).value = value;
  showVeils(state, place);
  $("summary").textContent = state.summary.text;
  $("summary").className = `summary ${state.summary.tone}`;
}

function showSwitch(what, isOn, isBusy) {
  const box = $(`sw-${what}`);
  box.checked = isOn;
  box.disabled = isBusy;
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

function showVeils(state, place) {
  $("veil").hidden = place.power;
  $("veil").innerHTML = "终端没有电源<small>no power</small>";
  const frame = $("clerk");
  $("clerk-veil").hidden = state.agent;
  if (state.agent && !frame.hasAttribute("src")) frame.src = frame.dataset.src;
  // The invite was made in the frame; the keys 1–5 belong to the terminal again.
  if (place.state === "invited" && document.activeElement === frame) { frame.blur(); window.focus(); }
}

// One row an invite: a change, and each thing more that was said, takes the place of what stood there.
function addRecord(record) {
  const old = record.level && [...$("ratings").children].find((row) => row.dataset.invite === record.invite && row.dataset.level);
  const row = document.createElement("li");
  row.id = `r-${record.id}`;
  row.dataset.invite = record.invite;
  row.dataset.level = record.level ?? "";
  row.dataset.presses = old ? Number(old.dataset.presses) + 1 : 1;
  row.dataset.was = old ? (old.dataset.level === row.dataset.level ? old.dataset.was : old.dataset.level) : "";
  const about = [record.window, record.clerk, record.service_ref, `#${record.seq}`];
  if (row.dataset.was) about.unshift(`改自${LEVELS[row.dataset.was]}`);
  if (row.dataset.presses > 1) about.push(`第 ${row.dataset.presses} 次按键`);
  row.innerHTML = `<span class="level"></span><span class="about"></span><span class="when"></span>`;
  row.querySelector(".level").innerHTML = record.level ? face(record.level) : "";
  row.querySelector(".level").append(record.level ? LEVELS[record.level] : KINDS[record.kind]);
  row.querySelector(".about").textContent = about.filter(Boolean).join(" · ");
  const mark = document.createElement("em");
  mark.className = "no";
  mark.textContent = "等待回执";
  row.querySelector(".when").append(record.time, mark);
  addMore(row, record);
  if (!record.level) row.classList.add("fact");
  row.classList.add("new");
  old?.remove();
  $("ratings").prepend(row);
  while ($("ratings").children.length > LIST_LENGTH) $("ratings").lastChild.remove();
}

function addMore(row, record) {
  const more = document.createElement("span");
  more.className = "more";
  for (const [name, level] of [["业务评价", record.business], ["服务评价", record.service]]) {
    if (!level) continue;
    const words = document.createElement("b");
    words.dataset.level = level;
    words.textContent = LEVELS[level];
    const part = document.createElement("span");
    part.append(`${name} `, words);
    more.append(part);
  }
  for (const code of record.tags) {
    const tag = document.createElement("i");
    tag.textContent = tags[code] ?? `标签 ${code}`;
    more.append(tag);
  }
  if (more.children.length) row.append(more);
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

listenToGlass();
listenToButton($("clerk-key"), "clerk");
listenToKeyboard();
listenToSwitches();
connect();
