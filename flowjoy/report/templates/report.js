"use strict";
// Counts down the time left while the page is open; without this script the text stays as rendered.
function left(due, form) {
  const seconds = Math.floor((due - Date.now()) / 1000);
  const past = Math.max(0, Math.abs(seconds));
  const hours = Math.floor(past / 3600), minutes = Math.floor((past % 3600) / 60);
  const parts = past < 60 ? [[past, "s"]] : hours >= 96 ? [[Math.floor(hours / 24), "d"], [hours % 24, "h"]]
    : [[hours, "h"], [minutes, "m"]];
  const span = parts.filter(([number]) => number || past < 60).map((part) => part.join("\u00a0")).join("\u00a0");
  if (form === "in") return seconds >= 0 ? "in " + span : span + " ago";
  return seconds >= 0 ? span + " left" : "overdue by " + span + ": see the check";
}
function tick() {
  for (const clock of document.querySelectorAll("time[data-due]")) {
    const text = left(Date.parse(clock.dateTime), clock.dataset.due);
    if (clock.textContent !== text) clock.textContent = text;
  }
}
tick();
setInterval(tick, 1000);

function key(row, place) {
  const cell = row.cells[place];
  return cell.dataset.sort === undefined ? cell.textContent.trim() : cell.dataset.sort;
}
function compare(one, other) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const numbers = [Number(one), Number(other)];
  return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
}
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const shown = table.querySelectorAll("tr:not(.rest)").length - 1;
  heads.forEach((head, place) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const one = key(a, place), other = key(b, place);
        // Blank cells stay last in either direction.
        return one === "" || other === "" ? compare(one, other) : (down ? -1 : 1) * compare(one, other);
      });
      table.tBodies[0].append(...rows);
      rows.forEach((row, at) => row.classList.toggle("rest", at >= shown));
    });
  });
}
for (const picture of document.querySelectorAll("#promise figure img")) {
  const names = document.createElement("div");
  names.className = "names";
  names.setAttribute("aria-hidden", "true");
  names.append(picture.cloneNode());
  picture.after(names);
}
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const fold of unfolded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
});
