/* The review: one picture after the other, a key for each answer. What was said is kept in the browser at once, and
   becomes corrections.csv when it is saved. */

const NO_DIGIT = "x";
const memory = $("review").dataset.memory;
const sure = (i) => (data.confidence[i] === null ? -1 : data.confidence[i]);

// Rows for review first, the least sure first; the table's own order where that is the same.
const order = data.path.map((_, i) => i).sort((a, b) => (data.status[b] === 1) - (data.status[a] === 1) || sure(a) - sure(b) || a - b);
const said = new Map(); // row -> digit or x
const past = []; // [row, what was said of it before]
let at = 0; // place in the order
let saved = true;

/** What accepting means: the digit that was read, or that there is none. */
const guess = (i) => (data.label[i] < 0 ? NO_DIGIT : String(data.label[i]));
const inWords = (answer) => (answer === NO_DIGIT ? "no digit" : answer);

function remember() {
  try {
    localStorage.setItem(memory, JSON.stringify({ said: [...said], past, at, saved }));
  } catch {
    $("memory-note").hidden = false;
  }
}
function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(memory) || "null");
    if (!kept) return;
    for (const [i, answer] of kept.said) said.set(i, answer);
    past.push(...kept.past);
    at = Math.min(Math.max(0, kept.at), order.length - 1);
    saved = kept.saved;
  } catch {
    $("memory-note").hidden = false;
  }
}

function answer(word) {
  const i = order[at];
  past.push([i, said.get(i) ?? null]);
  said.set(i, word);
  saved = false;
  mark(i);
  go(at + 1, `The last one: ${inWords(word)}`);
}
function undo() {
  const last = past.pop();
  if (!last) return;
  const [i, before] = last;
  if (before === null) said.delete(i);
  else said.set(i, before);
  saved = false;
  mark(i);
  go(order.indexOf(i), "Undone");
}
function go(to, words = "") {
  at = Math.max(0, Math.min(order.length - 1, to));
  remember();
  show(words);
}

function show(words) {
  const i = order[at];
  for (const view of ["around", "whole", "ink", "grid"]) {
    const canvas = $(view);
    canvas.width = canvas.height = 1;
    describe(canvas, `${view} of ${tail(nameOf(i), 100)}`);
    draw(canvas, i, view).then((trouble) => {
      if (view !== "around" || order[at] !== i) return;
      $("trouble").hidden = !trouble;
      $("trouble").textContent = plain(trouble).slice(0, 300);
    });
  }
  $("label").textContent = data.label[i] < 0 ? "nothing" : labelOf(i);
  $("sure").textContent = data.confidence[i] === null ? "" : `confidence ${data.confidence[i].toFixed(3)}`;
  $("reason").textContent = plain(data.reason[i]).slice(0, 300) || (data.status[i] === 0 ? "accepted, one of the least sure" : "");
  $("path").textContent = tail(nameOf(i), 300);
  const now = said.get(i);
  $("said").textContent = (words ? `${words}. ` : "") + (now === undefined ? "" : `You said ${inWords(now)}.`);
  $("said").classList.toggle("has", now !== undefined);
  for (const button of $("keypad").children) {
    const key = button.dataset.key;
    button.setAttribute("aria-pressed", String(now !== undefined && key === now));
    button.classList.toggle("guessed", key === guess(i));
  }
  $("done").value = said.size;
  $("count").textContent = `${at + 1} of ${order.length.toLocaleString("en")}, ${said.size.toLocaleString("en")} answered`;
  $("unsaved").textContent = saved || !said.size ? "" : "not saved yet";
  const tile = $("strip").children[at];
  for (const other of document.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
  tile.firstElementChild.setAttribute("aria-current", "true");
}

/* The strip of all pictures, drawn as they come near the screen. */
function makeStrip() {
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        near.unobserve(entry.target);
        draw(entry.target.querySelector("canvas"), Number(entry.target.dataset.row), "ink");
      }
    },
    { rootMargin: "600px 0px" },
  );
  order.forEach((i, place) => {
    const item = make("li");
    const button = make("button", "tile");
    button.type = "button";
    button.dataset.row = i;
    button.append(make("canvas"), make("span", "badge"));
    button.addEventListener("click", () => {
      go(place);
      window.scrollTo({ top: 0 });
    });
    item.append(button);
    $("strip").append(item);
    near.observe(button);
    mark(i, button);
  });
}
function mark(i, button = document.querySelector(`.tile[data-row="${i}"]`)) {
  const now = said.get(i);
  button.querySelector(".badge").textContent = now ?? labelOf(i);
  button.classList.toggle("answered", now !== undefined);
  button.classList.toggle("changed", now !== undefined && now !== guess(i));
  button.setAttribute("aria-label", `${tail(nameOf(i), 100)}: ${now === undefined ? `read as ${labelOf(i)}` : `you said ${inWords(now)}`}`);
}

/* Saving. */
const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
function save() {
  const lines = [...said].sort(([a], [b]) => a - b).map(([i, word]) => [quote(data.path[i]), data.frame[i], word].join(","));
  const file = new Blob([["path,frame,label", ...lines, ""].join("\n")], { type: "text/csv" });
  const link = make("a");
  link.href = URL.createObjectURL(file);
  link.download = "corrections.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  saved = true;
  remember();
  show(`${said.size.toLocaleString("en")} saved`);
}

function press(key) {
  if (/^[0-9x]$/.test(key)) answer(key);
  else if (key === "Enter") answer(guess(order[at]));
  else if (key === "u") undo();
  else if (key === "ArrowLeft" || key === "ArrowUp") go(at - 1);
  else if (key === "ArrowRight" || key === "ArrowDown") go(at + 1);
  else return false;
  return true;
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.closest("button")) return; // it presses the button
  if (press(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-key]");
  if (!button) return;
  press(button.dataset.key);
  if (event.detail) button.blur(); // by mouse: the next Enter is to accept, not to press it again
});
$("save").addEventListener("click", save);

recall();
makeStrip();
show("");
