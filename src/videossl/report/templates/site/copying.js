// ---- copying a table as it is shown: sorted, filtered, and also from a page that was sent alone
const DETAILS = ".ci, .paper, .note, .reason";
const plain = (text) => text.replace(/\s+/g, " ").trim();
const contentOf = (cell) => {
  const copy = cell.cloneNode(true);
  const details = {};
  for (const one of copy.querySelectorAll(DETAILS)) details[one.className] = plain(one.textContent);
  for (const one of copy.querySelectorAll(`${DETAILS}, input`)) one.remove();
  return { text: plain(copy.textContent), details };
};
// Cells by line and column; a cell that spans several of them stands in the first, and null in the others.
const matrixOf = (rows) => {
  const lines = rows.map(() => []);
  rows.forEach((row, at) => {
    let place = 0;
    for (const cell of row.cells) {
      while (lines[at][place] !== undefined) place += 1;
      for (let down = 0; down < cell.rowSpan && at + down < lines.length; down += 1) {
        for (let right = 0; right < cell.colSpan; right += 1) lines[at + down][place + right] = null;
      }
      lines[at][place] = { ...contentOf(cell), span: cell.colSpan };
      place += cell.colSpan;
    }
  });
  return lines;
};
const linesOf = (table) => {
  const body = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  return { head: matrixOf([...(table.tHead?.rows ?? [])]), body: matrixOf(body) };
};
// One name a column: the levels of its heading, of which the upper ones span several columns.
const namesOf = (head) => {
  const names = (head.at(-1) ?? []).map(() => []);
  for (const line of head) {
    let last = "", left = 0;
    line.forEach((cell, place) => {
      if (cell) [last, left] = [cell.text, cell.span];
      if (left > 0 && last) names[place].push(last);
      left -= 1;
    });
  }
  return names.map((parts) => parts.join(" / "));
};
const detailsText = ({ ci, paper, note, reason }) => [ci, paper, note, reason].filter(Boolean).join("; ");
const withDetails = (cell) => (cell ? [cell.text, detailsText(cell.details)].filter(Boolean).join(" ") : "");

const asMarkdown = (table) => {
  const { head, body } = linesOf(table);
  const escape = (text) => text.replace(/[\\|*_`<>~#$&]/g, "\\$&").replace(/\](?=[(\[:])/g, "\\]");
  const names = namesOf(head);
  const lines = [names, names.map((_, at) => (at ? "--:" : ":--")), ...body.map((line) => line.map(withDetails))];
  return lines.map((line, at) => `| ${(at === 1 ? line : line.map(escape)).join(" | ")} |\n`).join("");
};

// Intervals have columns of their own, so that numbers can be read as numbers.
const asCsv = (table) => {
  const { head, body } = linesOf(table);
  const names = namesOf(head), kinds = { ci: "95 % interval", paper: "paper", note: "note", reason: "reason" };
  const used = names.map((_, at) => Object.keys(kinds).filter((kind) => body.some((line) => line[at]?.details[kind])));
  const quoted = (text) => {
    // A spreadsheet would calculate a text that begins like a formula.
    const safe = /^[=+\-@\t\r]/.test(text) && !/^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const columns = (line, first, rest) => line.flatMap((cell, at) => [first(cell, at), ...used[at].map((kind) => rest(cell, kind, at))]);
  const lines = [columns(names, (name) => name, (name, kind) => `${name}: ${kinds[kind]}`)];
  for (const line of body) lines.push(columns(line, (cell) => cell?.text ?? "", (cell, kind) => cell?.details[kind] ?? ""));
  return lines.map((line) => `${line.map(quoted).join(",")}\n`).join("");
};

const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "–": "--", "±": "$\\pm$",
  "×": "$\\times$", "→": "$\\rightarrow$", "✓": "", "✗": "", "<": "\\textless{}", ">": "\\textgreater{}" };
const latex = (text) => text.replace(/[\\&%$#_{}~^<>–±×→✓✗]/g, (letter) => LATEX[letter] ?? `\\${letter}`);
// Needs the packages booktabs and, for intervals, nothing else.
const asLatex = (table) => {
  const { head, body } = linesOf(table);
  const cellText = (cell) => latex(cell.text) + (cell.details.ci ? ` {\\scriptsize ${latex(cell.details.ci)}}` : "")
    + (cell.details.paper ? ` {\\scriptsize (${latex(cell.details.paper)})}` : "");
  const line = (cells) => cells.flatMap((cell, at) => {
    if (cell === null) return cells.slice(0, at).findLast((one) => one !== null)?.covers > at ? [] : [""];
    cell.covers = at + cell.span;
    return [cell.span > 1 ? `\\multicolumn{${cell.span}}{c}{${cellText(cell)}}` : cellText(cell)];
  }).join(" & ") + " \\\\\n";
  const sides = table.tBodies[0].rows[0]?.querySelectorAll("th.side").length || 1;
  const columns = (head.at(-1) ?? body[0] ?? []).map((_, at) => (at < sides ? "l" : "r")).join("");
  return `\\begin{tabular}{${columns}}\n\\toprule\n${head.map(line).join("")}\\midrule\n${body.map(line).join("")}`
    + "\\bottomrule\n\\end{tabular}\n";
};

const FORMATS = { LaTeX: asLatex, CSV: asCsv, Markdown: asMarkdown };
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = add(document.querySelector("dialog[open]") ?? document.body, "textarea", "", { class: "copied" });
    area.value = text;
    area.select();
    const done = document.execCommand("copy"); // for pages and browsers without a clipboard of their own
    area.remove();
    return done;
  }
};
const offerCopies = (table) => {
  if (!table.tHead) return;
  const bar = document.createElement("p");
  bar.className = "copies";
  bar.append("Copy as ");
  for (const name of Object.keys(FORMATS)) {
    add(bar, "button", name, { type: "button", "data-format": name });
    bar.append(" ");
  }
  table.parentElement.after(bar);
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copies button");
  if (!button) return;
  const table = button.parentElement.previousElementSibling.querySelector("table");
  const done = await copy(FORMATS[button.dataset.format](table));
  byId("said").textContent = done ? `copied as ${button.dataset.format}` : "this browser does not allow copying";
  button.classList.toggle("done", done);
  setTimeout(() => {
    button.classList.remove("done");
    byId("said").textContent = "";
  }, 2000);
});
for (const table of document.querySelectorAll("main table")) offerCopies(table);
