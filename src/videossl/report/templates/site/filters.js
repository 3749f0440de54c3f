// ---- the list of runs: filters by axis, and runs chosen to overlay their curves
const filters = byId("filters");
const rowsOfRuns = () => [...document.querySelectorAll("table.runs tbody tr")];
const runOf = (row) => decodeURIComponent(row.querySelector("a").hash.slice("#run/".length));
const valueOn = (run, axis) => String((axis === "status" ? run?.status : run?.identity?.[axis]) ?? "");
const applyFilters = () => {
  const selects = [...filters.querySelectorAll("select")];
  const fits = (run, others) => others.every((one) => !one.value || valueOn(run, one.name) === one.value);
  const rows = rowsOfRuns().map((row) => [row, data().runs[runOf(row)]]);
  let left = 0;
  for (const [row, run] of rows) {
    row.hidden = !fits(run, selects);
    left += row.hidden ? 0 : 1;
  }
  // A value that no run has under the other filters cannot be chosen.
  for (const select of selects) {
    const others = selects.filter((one) => one !== select);
    const possible = new Set(rows.filter(([, run]) => fits(run, others)).map(([, run]) => valueOn(run, select.name)));
    for (const option of select.options) option.disabled = option.value !== "" && !possible.has(option.value);
  }
  byId("filtered").textContent = left === rows.length ? "" : `${left} of ${rows.length} shown`;
};
filters.addEventListener("change", (event) => {
  if (event.target.matches("select")) applyFilters();
});
filters.addEventListener("reset", () => {
  for (const box of document.querySelectorAll("table.runs input")) box.checked = false;
  byId("overlay").disabled = true;
  setTimeout(applyFilters); // after the values have been reset
});

const chosen = () => rowsOfRuns().filter((row) => row.querySelector("input")?.checked).map(runOf);
byId("all-runs").addEventListener("toggle", () => {
  for (const row of rowsOfRuns()) {
    if (row.querySelector("input") || !data().runs[runOf(row)]?.curve) continue;
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `choose ${row.cells[0].textContent.trim()}`);
    row.cells[0].prepend(box, " ");
  }
});
document.querySelector("table.runs").addEventListener("change", () => {
  byId("overlay").disabled = chosen().length < 2;
});
byId("overlay").addEventListener("click", () => {
  location.hash = "#run/" + encodeURIComponent(chosen().join(","));
});
