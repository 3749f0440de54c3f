// Dialogs and sorting. Uses no library and loads nothing: the page contains all data.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  let parsed = null;
  const data = () => (parsed ??= JSON.parse(byId("data").textContent));

  // ---- elements: text is always set as text, never as HTML
  const add = (parent, name, text = "", attributes = {}) => {
    const element = document.createElement(name);
    if (text !== "") element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const addTable = (parent, rows, header = null, kind = "") => {
    const table = add(add(parent, "div", "", { class: "wide" }), "table", "", kind ? { class: kind } : {});
    if (header) {
      const line = add(add(table, "thead"), "tr");
      for (const name of header) add(line, "th", name, { scope: "col" });
    }
    const body = add(table, "tbody");
    for (const row of rows) {
      const line = add(body, "tr");
      for (const value of row) {
        if (value instanceof Node) add(line, "td").append(value);
        else add(line, "td", String(value), { class: "value" });
      }
    }
    return table;
  };
  const anchor = (href, text) => {
    const element = document.createElement("a");
    element.href = href;
    element.textContent = text;
    return element;
  };
  const runAnchor = (name) => {
    const run = data().runs[name];
    return anchor("#run/" + encodeURIComponent(name), run ? run.title : name);
  };

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

  // ---- a curve as SVG
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (parent, name, attributes, text = "") => {
    const element = document.createElementNS(SVG, name);
    for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
    if (text !== "") element.textContent = text;
    parent.append(element);
    return element;
  };
  const short = (value) =>
    value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  const curve = (parent, name, epochs, values) => {
    const points = epochs.map((epoch, i) => [epoch, values[i]]).filter(([, value]) => value !== null);
    if (!points.length) return;
    const width = 320, height = 150, left = 62, right = 12, top = 10, bottom = 26;
    const ys = points.map(([, value]) => value);
    let low = Math.min(...ys), high = Math.max(...ys);
    if (low === high) [low, high] = [low - (Math.abs(low) || 1) / 10, high + (Math.abs(high) || 1) / 10];
    const first = epochs[0], last = epochs[epochs.length - 1];
    const x = (epoch) => left + ((width - left - right) * (epoch - first)) / (last - first || 1);
    const y = (value) => height - bottom - ((height - top - bottom) * (value - low)) / (high - low);
    const figure = add(parent, "figure");
    const end = points[points.length - 1];
    add(figure, "figcaption", `${name}: ${short(end[1])} after epoch ${end[0]}`);
    const label = `${name} over epochs ${first} to ${last}, from ${short(points[0][1])} to ${short(end[1])}`;
    const svg = draw(figure, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    const small = { "font-size": 11, fill: "#444444" };
    for (const value of [low, (low + high) / 2, high]) {
      draw(svg, "line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: "#dddddd" });
      draw(svg, "text", { x: left - 5, y: y(value) + 4, "text-anchor": "end", ...small }, short(value));
    }
    for (const [epoch, where] of first === last ? [[first, "start"]] : [[first, "start"], [last, "end"]]) {
      draw(svg, "text", { x: x(epoch), y: height - 8, "text-anchor": where, ...small }, `epoch ${epoch}`);
    }
    const line = points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    draw(svg, "polyline", { points: line, fill: "none", stroke: "#0072B2", "stroke-width": 1.8 });
    draw(svg, "circle", { cx: x(end[0]), cy: y(end[1]), r: 2.6, fill: "#0072B2" });
  };

  // ---- one run
  const flat = (value, prefix = "") => {
    if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) {
      return Object.entries(value).flatMap(([k, v]) => flat(v, prefix ? `${prefix}.${k}` : k));
    }
    return [[prefix, typeof value === "string" ? value : JSON.stringify(value)]];
  };
  const time = (seconds) =>
    seconds < 60 ? `${seconds.toFixed(1)} s` : seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
  const bytes = (size) => (size < 1e3 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`);

  const showMetrics = (body, run) => {
    add(body, "h3", "Metrics");
    const noisy = run.metrics.some((row) => row[2] !== "");
    const chance = run.metrics.some((row) => row[6] !== "");
    const rows = run.metrics.map(([metric, split, condition, value, interval, n, level]) => [
      metric, ...(noisy ? [condition] : []), split, `${value} ${interval}`.trim(), n, ...(chance ? [level] : []),
    ]);
    const header = ["Metric", ...(noisy ? ["Under"] : []), "Split", "Value [95 %]", "n", ...(chance ? ["Chance"] : [])];
    addTable(body, rows, header);
  };
  const showRecord = (body, run) => {
    add(body, "h3", "How it ran");
    const environment = run.environment === undefined ? null : data().environments[run.environment];
    const rows = [
      ["finished", run.finished?.replace("T", " ").replace("+00:00", " UTC")], ["wall time", run.wall === undefined ? undefined : time(run.wall)],
      ["GPU-hours", run.gpu_hours], ["device", run.device], ["threads", run.threads], ["code", run.code],
      ["samples", run.samples && Object.entries(run.samples).map(([k, v]) => `${k} ${v}`).join(", ")],
      ["classes", run.gaps],
      ["packages", environment && Object.entries(environment).map(([k, v]) => `${k} ${v}`).join(", ")],
    ];
    addTable(body, rows.filter(([, value]) => value !== undefined && value !== null));
  };
  const showPredictions = (body, found) => {
    add(body, "h3", "Predictions");
    const where = found.noisy ? " (under all noises and severities)" : "";
    add(body, "p", `${found.correct} of ${found.n} right${where}.`);
    const rows = found.classes.map(([name, correct, n]) => {
      const meter = document.createElement("span");
      meter.className = "meter";
      meter.style.width = `${(100 * correct) / n}%`;
      return [name, meter, `${correct} of ${n}`];
    });
    addTable(body, rows, ["Class", "Accuracy", ""], "meters");
    if (found.left_out) add(body, "p", `The best and the worst classes; ${found.left_out} between them are left out.`);
    if (found.confused.length) {
      add(body, "p", "Most often confused:");
      addTable(body, found.confused, ["Class", "taken for", "times"]);
    }
  };
  const SERIES = { lr: "learning rate", top1: "top-1 accuracy on training clips" };
  const showRun = (body, name) => {
    const run = data().runs[name];
    if (!run) {
      add(body, "p", `No run ${name} in this report.`);
      return;
    }
    if (run.status !== "ok") {
      add(body, "p", `${run.status}: ${run.reason ?? "it has not finished."}`, { class: run.status });
    }
    if (run.damaged) add(body, "p", run.damaged, { class: "failed" });
    if (run.metrics) showMetrics(body, run);
    if (run.curve) {
      add(body, "h3", "Training");
      const curves = add(body, "div", "", { class: "curves" });
      for (const [series, values] of Object.entries(run.curve)) {
        if (series !== "epoch") curve(curves, SERIES[series] ?? series.replaceAll("_", " "), run.curve.epoch, values);
      }
    }
    if (run.predictions) showPredictions(body, run.predictions);
    if (run.recipe) {
      add(body, "h3", `Recipe ${run.recipe}`);
      addTable(body, flat(data().recipes[run.recipe]));
    }
    if (run.wall !== undefined) showRecord(body, run);
    if (run.identity) {
      add(body, "h3", "Identity");
      addTable(body, Object.entries(run.identity).filter(([, value]) => value !== ""));
    }
    if (run.log) {
      add(body, "h3", "End of the log");
      add(body, "pre", run.log.join("\n"));
    }
    add(body, "h3", "Files");
    const root = data().results === "." ? "" : data().results + "/";
    const href = (path) => (root + path).split("/").map(encodeURIComponent).join("/");
    addTable(body, (run.files ?? []).map(([path, size]) => [anchor(href(path), path), bytes(size)]));
    if (run.before) {
      add(body, "h3", "Starts from");
      const list = add(body, "ul");
      for (const other of run.before) add(list, "li").append(runAnchor(other));
    }
    if (run.shown) {
      add(body, "h3", "Shown in");
      const list = add(body, "ul");
      for (const entry of run.shown) {
        const [kind, title] = data().titles[entry];
        add(list, "li").append(anchor(`#${kind}-${entry}`, title));
      }
    }
  };
  const showClaim = (body, name) => {
    add(body, "p", "The numbers that the verdict is from, with the runs that have them:");
    const rows = Object.entries(data().claims[name] ?? {}).map(([ask, runs]) => {
      const list = document.createElement("span");
      runs.forEach((run, place) => list.append(...(place ? [", "] : []), runAnchor(run)));
      return [ask, list];
    });
    addTable(body, rows, ["Number", "Run"]);
  };

  // ---- the dialog follows the address, so that runs have links and Back closes the dialog
  const dialog = byId("dialog");
  let shown = null; // the address of the dialog's content
  const show = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const isRun = hash.startsWith("run/"), isClaim = hash.startsWith("claim/");
    if (!isRun && !isClaim) {
      if (dialog.open) close();
      return;
    }
    const body = byId("dialog-body");
    body.replaceChildren();
    const names = isRun ? hash.slice("run/".length).split(",") : [];
    if (isClaim) {
      const name = hash.slice("claim/".length);
      byId("dialog-title").textContent = data().sentences[name] ?? "No such claim in this report";
      showClaim(body, name);
    } else if (names.length > 1) {
      byId("dialog-title").textContent = `${names.length} runs`;
      const list = add(body, "ul");
      for (const name of names) add(list, "li").append(runAnchor(name));
    } else {
      byId("dialog-title").textContent = data().runs[names[0]]?.title ?? names[0];
      showRun(body, names[0]);
    }
    document.body.classList.add("open");
    shown = location.hash;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };
  const tidy = () => {
    if (dialog.open || shown === null) return; // the close event may arrive after the next run was requested
    document.body.classList.remove("open");
    if (location.hash === shown) history.replaceState(null, "", "#");
    shown = null;
  };
  const close = () => {
    dialog.close();
    tidy();
  };
  window.addEventListener("hashchange", show);
  byId("close").addEventListener("click", close);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close(); // a click outside the dialog
  });
  dialog.addEventListener("close", tidy); // also after the Escape key

  // ---- the list of runs
  byId("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of document.querySelectorAll("table.runs tbody tr")) {
      const link = row.querySelector("a");
      const text = `${row.textContent} ${link ? decodeURIComponent(link.hash) : ""}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    byId("filtered").textContent = words.length ? `${left} shown` : "";
  });

  // ---- parts collapsed on a phone, and links that expand them
  if (matchMedia("(max-width: 63.9rem)").matches) document.querySelector("nav details").open = false;
  document.addEventListener("click", (event) => {
    if (event.target.closest('a[href="#runs"]')) byId("all-runs").open = true;
  });
  show();
})();
