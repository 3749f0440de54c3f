// ---- sorting: by number if a column has numbers, else by text; a third click restores the original order
const column = (row, wanted) => {
  let place = 0;
  for (const cell of row.cells) {
    place += cell.colSpan;
    if (place > wanted) return cell;
  }
  return null;
};
const key = (row, wanted) => {
  const cell = column(row, wanted);
  const text = cell === null ? "" : (cell.dataset.v ?? cell.textContent.trim());
  const number = /^[-+]?[0-9.,]+([eE][-+]?\d+)?([kKmM]?)(?=$|\s)/.exec(text.replace(/,(?=\d{3})/g, ""));
  const unit = number ? { k: 1e3, m: 1e6 }[number[2].toLowerCase()] ?? 1 : 1;
  return { text, number: number ? parseFloat(number[0]) * unit : NaN };
};
const compare = (a, b) => {
  if (!Number.isNaN(a.number) && !Number.isNaN(b.number)) return a.number - b.number;
  if (Number.isNaN(a.number) !== Number.isNaN(b.number)) return Number.isNaN(a.number) ? 1 : -1;
  return a.text.localeCompare(b.text, "en", { numeric: true });
};
const NEXT = { none: "descending", descending: "ascending", ascending: "none" };
const sort = (header) => {
  const table = header.closest("table");
  const body = table.tBodies[0];
  body.original ??= [...body.rows];
  const direction = NEXT[header.getAttribute("aria-sort") ?? "none"];
  for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  let rows = body.original;
  if (direction !== "none") {
    header.setAttribute("aria-sort", direction);
    const wanted = Number(header.dataset.column);
    const keyed = rows.map((row) => [key(row, wanted), row]);
    const sign = direction === "ascending" ? 1 : -1;
    // Cells without a number stay at the end in both directions.
    const missing = (one) => Number.isNaN(one.number) && keyed.some(([other]) => !Number.isNaN(other.number));
    keyed.sort(([a], [b]) => (missing(a) || missing(b) ? compare(a, b) : sign * compare(a, b)));
    rows = keyed.map(([, row]) => row);
  }
  body.append(...rows);
};
document.addEventListener("click", (event) => {
  const button = event.target.closest(".sort");
  if (button) sort(button.closest("th"));
});
