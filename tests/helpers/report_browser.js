// Goes through the report as a reader would, and hands what it found to the page around it.
"use strict";
(async () => {
  const found = { errors: window.foundErrors, width: innerWidth };
  const until = async (what, holds) => {
    for (let turn = 0; turn < 200; turn++) {
      if (holds()) return;
      await new Promise((go) => setTimeout(go, 25));
    }
    throw new Error(`waited for ${what} in vain`);
  };
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const name = (element) => `${element.tagName}.${element.className}#${element.id} ${element.textContent.slice(0, 40)}`;
  try {
    await until("the script of the page", () => document.querySelector(".copies") && !document.getElementById("theme").hidden);
    found.pageIsWiderThanTheScreen = document.documentElement.scrollWidth > innerWidth;
    // Blocks that follow each other must not lie on each other, and no text may leave its cell.
    found.overlaps = [];
    for (const parent of [document.querySelector("main"), ...all(".entry"), document.body]) {
      const boxes = [...parent.children]
        .filter((one) => one.offsetParent !== null && getComputedStyle(one).position !== "fixed")
        .map((one) => [one, one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && box.height > 0);
      for (let i = 1; i < boxes.length; i++) {
        const [before, a] = boxes[i - 1], [after, b] = boxes[i];
        const apart = b.top >= a.bottom - 1 || b.left >= a.right - 1;
        if (!apart) found.overlaps.push(`${name(before)} / ${name(after)}`);
      }
    }
    // The numbers of a table with long labels: a window of a laptop's width shows them without scrolling.
    const long = document.querySelector("table.sortable").cloneNode(true);
    const frame = Object.assign(document.createElement("div"), { className: "wide" });
    document.querySelector(".entry").append(frame);
    frame.append(long);
    for (const side of all("th.side", long)) side.textContent = "Measured here, at a reduced scale: not comparable. ".repeat(3);
    found.numbersAreCut = frame.scrollWidth > frame.clientWidth + 1;
    frame.remove();
    found.brokenArrows = all("thead .sort").filter((one) => {
      if (!one.offsetParent || one.textContent.includes(" ")) return false;
      return one.getBoundingClientRect().height > 1.9 * parseFloat(getComputedStyle(one).lineHeight);
    }).map(name);
    found.spilled = all("td, th").filter((one) => one.offsetParent && one.scrollWidth > one.clientWidth + 2).map(name);
    found.verdictsCut = all("table.claims .verdict").filter((one) =>
      one.getBoundingClientRect().right > one.closest("td").getBoundingClientRect().right - 2).map(name);
    found.outside = all("main p, main h2, main h3, main li").filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && (box.right > innerWidth + 1 || box.left < -1);
    }).map(name);

    const table = document.querySelector(".entry .sortable");
    const button = all("thead tr:last-child .sort", table).at(-1);
    const wanted = Number(button.closest("th").dataset.column);
    const texts = () => all("tbody tr", table).map((row) => {
      let place = 0;
      for (const cell of row.cells) if ((place += cell.colSpan) > wanted) return cell.dataset.v ?? "";
    });
    found.orders = [texts()];
    for (let click = 0; click < 3; click++) {
      button.click();
      found.orders.push(texts());
      found[`direction${click}`] = button.closest("th").getAttribute("aria-sort");
    }

    const dialog = document.getElementById("dialog");
    const opened = () => until("an open dialog", () => dialog.open);
    const shut = () => {
      document.getElementById("close").click();
      return until("a closed dialog", () => !dialog.open && !/^#(run|claim)/.test(location.hash));
    };
    const link = all("a.run:not(.pending):not(.failed)", table).at(-1);
    const number = link.textContent;
    link.click();
    await opened();
    found.run = {
      open: dialog.open,
      number: dialog.textContent.includes(number),
      curves: all("svg polyline", dialog).length,
      headings: all("h3", dialog).map((one) => one.textContent),
      log: dialog.querySelector("pre").textContent,
      markup: all("#dialog-body b, #dialog-body script").length,
      tooWide: dialog.scrollWidth > dialog.clientWidth,
      insideScreen: dialog.getBoundingClientRect().right <= innerWidth + 1,
    };
    await shut();
    for (const state of ["failed", "pending"]) {
      const missing = document.querySelector(`a.run.${state}`);
      if (missing === null) continue;
      missing.click();
      await opened();
      found[state] = dialog.querySelector(`p.${state}`).textContent;
      await shut();
    }
    const judged = document.querySelector("table.claims a.run");
    found.claimSentence = judged.closest("tr").cells[1].textContent;
    judged.click();
    await opened();
    found.claim = all("td a", dialog).length;
    found.claimTitle = document.getElementById("dialog-title").textContent;
    found.claimNumber = dialog.querySelector("td").textContent;
    dialog.querySelector("td a").click();
    await until("a run in the dialog", () => dialog.querySelector("#dialog-body h3") !== null);
    found.fromClaimToRun = dialog.open && dialog.querySelector("#dialog-body h3").textContent;
    await shut();

    document.querySelector('nav a[href="#runs"]').click();
    found.runsOpen = document.getElementById("all-runs").open;
    const runs = document.querySelector("table.runs").parentElement;
    found.runsAreCut = runs.scrollWidth > runs.clientWidth + 1;
    const shownRuns = () => all("table.runs tbody tr").filter((row) => !row.hidden).length;
    const choose = (axis, value) => {
      const select = document.querySelector(`#filters [name="${axis}"]`);
      found[`disabled_${axis}_${value}`] = select.querySelector(`[value="${value}"]`).disabled;
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    };
    choose("task", "rotnet");
    found.ofTask = shownRuns();
    choose("stage", "pretrain");
    found.filtered = shownRuns();
    found.impossible = all('#filters [name="subset"] option').filter((one) => one.disabled).map((one) => one.value);
    await until("checkboxes", () => document.querySelector("table.runs input"));
    for (const box of all("table.runs tbody tr:not([hidden]) input")) box.click();
    document.getElementById("overlay").click();
    await opened();
    found.overlay = {
      plots: all(".curves svg", dialog).length,
      lines: all(".curves figure:first-child polyline", dialog).length,
      legend: all(".legend li", dialog).map((one) => one.textContent.trim()),
    };
    const plot = dialog.querySelector(".curves svg");
    found.caption = plot.parentElement.querySelector("figcaption").textContent;
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
    found.captionAtStart = plot.parentElement.querySelector("figcaption").textContent;
    await shut();
    document.querySelector("#filters [type=reset]").click();
    await until("all runs", () => shownRuns() === all("table.runs tbody tr").length);

    // Copies of the first table; what the clipboard gets.
    found.copies = {};
    navigator.clipboard.writeText = async (text) => { found.copied = text; };
    for (const button of all(".copies button", document.querySelector("section.entry"))) {
      found.copied = null;
      button.click();
      await until("a copy", () => found.copied !== null);
      found.copies[button.textContent] ??= found.copied;
    }

    document.getElementById("runs").scrollIntoView();
    await until("the place in the contents", () => /All runs/.test(document.querySelector("nav [aria-current]").textContent));
    found.here = document.querySelector("nav [aria-current]").textContent;
    const background = () => getComputedStyle(document.body).backgroundColor;
    found.light = background();
    document.getElementById("theme").click();
    found.dark = background();
  } catch (error) {
    found.errors.push(`${error.stack}`);
  }
  parent.postMessage(JSON.stringify(found), "*");
})();
