/* The report: which pictures are shown, in which order and groups. */

const BLOCK = 120; // cards that are added at a time
const PRINTED = 400; // cards on paper at most
const FILTERS = ["label", "status", "true", "answer"];

const rows = data.path.map((_, i) => i);
const texts = rows.map((i) => `${nameOf(i)}\n${plain(data.reason[i])}`.toLowerCase());
let chosen = []; // the rows that pass the filters, in order
let shownCount = 0;
let drawing;

const value = (id) => ($(id) ? $(id).value : "");
const view = () => document.querySelector("input[name=view]:checked").value;
const sure = (i) => (data.confidence[i] === null ? -1 : data.confidence[i]);
const rank = (i) => (data.status[i] === 2 ? 2 : sure(i)); // what could not be read is not unsure, and comes last

const ORDERS = {
  place: (a, b) => a - b,
  sure: (a, b) => sure(b) - sure(a) || a - b,
  unsure: (a, b) => rank(a) - rank(b) || a - b,
  mistakes: (a, b) => isWrong(b) - isWrong(a) || (isWrong(a) ? sure(b) - sure(a) : rank(a) - rank(b)) || a - b,
};
const GROUPS = {
  label: { of: (i) => (data.label[i] < 0 ? 10 : data.label[i]), name: (key) => (key === 10 ? "No label" : `Read as ${key}`) },
  status: { of: (i) => [2, 0, 1][data.status[i]], name: (key) => ["For review", "Unreadable", "Accepted"][key] },
  true: { of: (i) => (data.true[i] < 0 ? 10 : data.true[i]), name: (key) => (key === 10 ? "No true label" : `True ${key}`) },
};

function passes(i, words) {
  const [label, status, truth, answer] = FILTERS.map(value);
  if (label !== "" && data.label[i] !== Number(label)) return false;
  if (status !== "" && data.status[i] !== Number(status)) return false;
  if (truth !== "" && data.true[i] !== Number(truth)) return false;
  if (answer !== "" && (data.true[i] < 0 || data.status[i] === 2 || isWrong(i) !== (answer === "wrong"))) return false;
  return words.every((word) => texts[i].includes(word));
}

function refresh() {
  const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
  const group = GROUPS[value("group")];
  const order = ORDERS[value("sort")];
  chosen = rows.filter((i) => passes(i, words));
  chosen.sort(group ? (a, b) => group.of(a) - group.of(b) || order(a, b) : order);
  const filtered = words.length || FILTERS.some((id) => value(id) !== "");
  $("clear").hidden = !filtered;
  $("count").textContent = filtered
    ? `${chosen.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} pictures`
    : `${rows.length.toLocaleString("en")} pictures`;
  for (const cell of document.querySelectorAll("#confusion button")) {
    cell.setAttribute("aria-pressed", String(cell.dataset.true === value("true") && cell.dataset.said === value("label")));
  }
  $("cards").replaceChildren();
  shownCount = 0;
  addBlock();
  // What is not yet drawn is left out on paper: the first block is there in any case.
  clearTimeout(drawing);
  drawing = setTimeout(() => document.querySelectorAll(".card").forEach(drawCard), 500);
}

function addBlock(most = BLOCK) {
  const group = GROUPS[value("group")];
  const end = Math.min(chosen.length, shownCount + most);
  let list = $("cards").lastElementChild;
  for (; shownCount < end; shownCount++) {
    const i = chosen[shownCount];
    const key = group ? String(group.of(i)) : "";
    if (!list || list.dataset.key !== key) {
      if (group) $("cards").append(groupTitle(group, group.of(i)));
      list = make("ul", "cards");
      list.dataset.key = key;
      $("cards").append(list);
    }
    const card = makeCard(i);
    list.append(make("li"));
    list.lastElementChild.append(card);
    seen.observe(card);
  }
  $("more").hidden = shownCount >= chosen.length;
  const first = $("cards").querySelector(".card");
  if (first && !$("cards").querySelector(".card[tabindex='0']")) first.tabIndex = 0;
}

function groupTitle(group, key) {
  const count = chosen.filter((i) => group.of(i) === key).length;
  const title = make("h3", "group", `${group.name(key)} `);
  title.append(make("small", "", count.toLocaleString("en")));
  return title;
}

function makeCard(i) {
  const status = STATUS[data.status[i]];
  const card = make("button", `card ${status}${isWrong(i) ? " wrong" : ""}`);
  card.type = "button";
  card.dataset.row = i;
  card.tabIndex = -1;
  card.setAttribute("aria-label", wordsOf(i));
  const picture = make("span", "picture");
  picture.append(make("canvas"));
  const answer = make("span", "answer");
  answer.append(make("b", "", labelOf(i)));
  if (isWrong(i)) answer.append(make("span", "true", `true ${data.true[i]}`));
  answer.append(make("span", "sure", data.confidence[i] === null ? "" : data.confidence[i].toFixed(3)));
  const state = make("span", "state", data.status[i] ? plain(data.reason[i]).slice(0, 80) || status : status);
  const path = make("span", "path", tail(nameOf(i), 28));
  path.title = nameOf(i).slice(0, 1000);
  card.append(picture, answer, state, path);
  return card;
}

function wordsOf(i) {
  const parts = [`read as ${data.label[i] < 0 ? "none" : data.label[i]}`];
  if (data.true[i] >= 0) parts.push(`true ${data.true[i]}`);
  if (data.confidence[i] !== null) parts.push(`confidence ${data.confidence[i].toFixed(3)}`);
  parts.push(STATUS[data.status[i]]);
  if (data.reason[i]) parts.push(plain(data.reason[i]).slice(0, 200));
  parts.push(tail(nameOf(i), 200));
  return parts.join(", ");
}

async function drawCard(card) {
  const i = Number(card.dataset.row);
  const canvas = card.querySelector("canvas");
  if (!canvas || canvas.dataset.drawn === `${i} ${view()}`) return; // without one, its trouble is told instead
  const trouble = await draw(canvas, i, view());
  if (trouble && !card.querySelector(".trouble")) {
    canvas.remove();
    card.querySelector(".picture").append(make("span", "trouble", plain(trouble).slice(0, 200)));
  }
}

/* Cards are drawn when they come near the screen, and cleared when they are far from it: 20,000 would fill the memory. */
let printing = false;
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const canvas = entry.target.querySelector("canvas");
      if (!canvas) continue;
      if (entry.isIntersecting) drawCard(entry.target);
      else if (canvas.dataset.drawn && !printing) {
        canvas.width = canvas.height = 1;
        delete canvas.dataset.drawn;
        delete canvas.dataset.wanted;
      }
    }
  },
  { rootMargin: "1500px 0px" },
);
const end = new IntersectionObserver(
  (entries) => {
    if (!entries.some((entry) => entry.isIntersecting) || $("more").hidden) return;
    addBlock();
    end.unobserve($("more")); // it may still be in view, which would be no news
    end.observe($("more"));
  },
  { rootMargin: "1200px 0px" },
);
end.observe($("more"));

/* Filters. */
let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(refresh, 120);
});
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("tools").addEventListener("change", (event) => {
  if (event.target.name === "view") {
    for (const card of document.querySelectorAll(".card")) {
      const canvas = card.querySelector("canvas");
      if (canvas && canvas.dataset.drawn) drawCard(card);
    }
  } else if (event.target.id !== "search") refresh();
});
$("clear").addEventListener("click", () => {
  for (const id of ["search", ...FILTERS]) if ($(id)) $(id).value = "";
  refresh();
  $("search").focus();
});
document.addEventListener("click", (event) => {
  const reason = event.target.closest("[data-search]");
  if (!reason) return;
  $("search").value = reason.dataset.search;
  refresh();
  $("pictures-title").scrollIntoView({ block: "start" });
});
$("more").addEventListener("click", () => addBlock());
if ($("confusion")) {
  $("confusion").addEventListener("click", (event) => {
    const cell = event.target.closest("button");
    if (!cell) return;
    const pressed = cell.getAttribute("aria-pressed") === "true";
    $("true").value = pressed ? "" : cell.dataset.true;
    $("label").value = pressed ? "" : cell.dataset.said;
    refresh();
    if (!pressed) $("pictures-title").scrollIntoView({ block: "start" });
  });
}

/* Keys: arrows go from card to card, Enter looks closer. */
function columns() {
  const cards = [...$("cards").querySelectorAll(".cards")][0].children;
  let count = 1;
  while (count < cards.length && cards[count].offsetTop === cards[0].offsetTop) count++;
  return count;
}
function focusCard(card) {
  for (const other of document.querySelectorAll(".card[tabindex='0']")) other.tabIndex = -1;
  card.tabIndex = 0;
  card.focus();
}
$("cards").addEventListener("keydown", (event) => {
  const card = event.target.closest(".card");
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  const cards = [...document.querySelectorAll(".card")];
  const at = cards.indexOf(card);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() };
  if (event.key in steps) {
    const to = cards[Math.max(0, Math.min(cards.length - 1, at + steps[event.key]))];
    focusCard(to);
    event.preventDefault();
  }
});
$("cards").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (card) showDetail(Number(card.dataset.row));
});

/* One picture, closer. */
let detail = -1;
function showDetail(i) {
  detail = i;
  $("detail-title").textContent = tail(nameOf(i), 300);
  $("detail-trouble").textContent = "";
  for (const canvas of document.querySelectorAll(".stages canvas")) {
    canvas.width = canvas.height = 1;
    describe(canvas, `${canvas.dataset.view} of ${tail(nameOf(i), 100)}`);
    draw(canvas, i, canvas.dataset.view).then((trouble) => {
      if (trouble && detail === i) $("detail-trouble").textContent = plain(trouble);
    });
  }
  const facts = [["read as", labelOf(i)], ["confidence", sureOf(i)], ["status", STATUS[data.status[i]]], ["reason", plain(data.reason[i])]];
  if (data.true[i] >= 0) facts.unshift(["true digit", String(data.true[i])]);
  facts.push(["row", (data.place[i] + 1).toLocaleString("en")], ["path", nameOf(i)]);
  $("detail-facts").replaceChildren(
    ...facts.filter(([, words]) => words).flatMap(([name, words]) => [make("dt", "", name), make("dd", "", words)]),
  );
  const at = chosen.indexOf(i);
  $("previous").disabled = at <= 0;
  $("next").disabled = at >= chosen.length - 1;
  if (!$("detail").open) $("detail").showModal();
}
function step(by) {
  const to = chosen[chosen.indexOf(detail) + by];
  if (to !== undefined) showDetail(to);
}
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("click", (event) => event.target === $("detail") && $("detail").close());
$("detail").addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
$("detail").addEventListener("close", () => {
  const card = document.querySelector(`.card[data-row="${detail}"]`);
  if (card) focusCard(card);
});

/* Paper: all pictures that go on it are drawn first. */
$("print").addEventListener("click", async () => {
  printing = true;
  if (shownCount < PRINTED) addBlock(PRINTED - shownCount);
  await Promise.all([...document.querySelectorAll(".card")].map(drawCard));
  window.print();
  printing = false;
});

refresh();
