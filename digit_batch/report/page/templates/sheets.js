"use strict";
/* Shared by the pages: the rows, and their pictures, which are decoded when they are to be seen. Names and reasons come
   from a disk: they reach the page as text only, never as markup. */

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const views = JSON.parse($("views").textContent); // view -> side of its tiles, px
const STATUS = ["ok", "review", "error"];
const SHEETS_HELD = 40; // decoded; one is about 2 MB

/** Show what cannot be seen, such as a mark that turns the writing direction, as its escape. */
function plain(name) {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (c) => {
    const code = c.codePointAt(0);
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
  });
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const nameOf = (i) => plain(data.path[i]) + (data.frame[i] ? ` (frame ${data.frame[i]})` : "");
const labelOf = (i) => (data.label[i] < 0 ? "–" : String(data.label[i]));
const sureOf = (i) => (data.confidence[i] === null ? "" : data.confidence[i].toFixed(4));
const isWrong = (i) => data.true[i] >= 0 && data.true[i] !== data.label[i] && data.status[i] !== 2;

/** The end of a long name, which tells more than its start. */
function tail(name, most) {
  const letters = Array.from(name.slice(-2 * most));
  return letters.length > most || name.length > 2 * most ? "…" + letters.slice(-most).join("") : name;
}

const whole = new Promise((done) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => done());
  else done();
});
const sheets = new Map(); // number -> its views and troubles
const decoded = new Map(); // "number view" -> promise of an image; the last used stands last

async function sheetOf(number) {
  if (!sheets.has(number)) {
    // The sheet after it tells that this one has arrived; while the page loads, it may be there in part only.
    if (!$(`sheet-${number + 1}`)) await whole;
    const element = $(`sheet-${number}`);
    sheets.set(number, JSON.parse(element.textContent));
  }
  return sheets.get(number);
}

function imageOf(sheet, number, view) {
  const key = `${number} ${view}`;
  let image = decoded.get(key);
  if (!image) {
    const element = new Image();
    element.src = sheet[view];
    image = element.decode().then(() => element);
  }
  decoded.delete(key);
  decoded.set(key, image);
  if (decoded.size > SHEETS_HELD) decoded.delete(decoded.keys().next().value);
  return image;
}

/** Draw a row's tile on a canvas; gives the reason where there is no picture. */
async function draw(canvas, i, view) {
  const number = Math.floor(i / data.tiles);
  const place = i % data.tiles;
  canvas.dataset.wanted = `${i} ${view}`;
  const sheet = await sheetOf(number);
  const trouble = sheet.trouble[place];
  if (trouble) return trouble;
  const image = await imageOf(sheet, number, view);
  if (canvas.dataset.wanted !== `${i} ${view}`) return ""; // another was asked for in the meantime
  const side = views[view];
  canvas.width = canvas.height = side;
  canvas.classList.toggle("pixels", view === "ink" || view === "grid");
  const x = (place % data.columns) * side;
  const y = Math.floor(place / data.columns) * side;
  canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, side, side);
  canvas.dataset.drawn = `${i} ${view}`;
  return "";
}

/** Give a canvas a text for who cannot see it. */
function describe(canvas, words) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
}
