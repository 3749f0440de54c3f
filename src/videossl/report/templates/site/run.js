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
const showMistakes = (body, run) => {
  add(body, "h3", "Misclassified videos");
  add(body, "p", "Those whose own class the network gives the lowest probability:");
  const list = add(body, "ul", "", { class: "mistakes" });
  for (const [video, label, taken, probability] of run.predictions.wrong) {
    const known = data().videos[run.identity.target]?.[video] ?? {};
    const item = add(list, "li");
    if (known.image) {
      add(item, "img", "", { src: `data:image/jpeg;base64,${known.image}`, alt: `three frames of a video of ${label}`, loading: "lazy" });
    }
    const name = add(item, "span");
    if (known.file) name.append(anchor(known.file, video));
    else name.textContent = video;
    add(item, "span", `${label}, taken for ${taken} (probability of ${label}: ${short(probability)})`);
  }
};
const showPredictions = (body, run) => {
  const found = run.predictions;
  add(body, "h3", "Predictions");
  const where = found.noisy ? " (under all noises and severities)" : "";
  add(body, "p", `${found.correct} of ${found.n} right${where}.`);
  const rows = found.classes.map(([name, correct, n]) => {
    const meter = document.createElement("span");
    meter.className = "meter";
    meter.style.width = `${(100 * correct) / n}%`;
    return [name, meter, `${correct} of ${n}`];
  });
  addTable(body, rows, ["Class", "Accuracy", "Right"], "meters");
  if (found.left_out) add(body, "p", `The best and the worst classes; ${found.left_out} between them are left out.`);
  if (found.confused.length) {
    add(body, "p", "Most often confused:");
    addTable(body, found.confused, ["Class", "taken for", "times"]);
  }
  if (found.wrong?.length) showMistakes(body, run);
};
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
      if (series !== "epoch") curve(curves, seriesName(series), [{ label: "", epochs: run.curve.epoch, values }]);
    }
  }
  if (run.predictions) showPredictions(body, run);
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
