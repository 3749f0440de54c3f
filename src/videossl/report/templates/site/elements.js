// ---- the page's data
const byId = (id) => document.getElementById(id);
const unpack = async () => {
  const bytes = Uint8Array.from(atob(byId("data").textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
};
const everything = await unpack();
const data = () => everything;

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
  offerCopies(table);
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
