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
    for (const name of names) {
      const [metric, , , value, interval] = data().runs[name]?.metrics?.[0] ?? ["", "", "", "", ""];
      add(list, "li").append(runAnchor(name), metric && `: ${metric} ${value} ${interval}`.trimEnd());
    }
    overlay(body, names);
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
