// ---- the contents: what is on the screen, a short form on phones, and light or dark
const contents = document.querySelector("nav");
const narrow = matchMedia("(max-width: 63.9rem)");
if (narrow.matches) contents.querySelector("details").open = false;
const places = [...contents.querySelectorAll("a")].map((link) => [byId(decodeURIComponent(link.hash.slice(1))), link]);
let current = null;
const follow = () => {
  // The last heading or table that has passed the upper third of the window; at the end of the page the last one.
  const passed = places.filter(([place]) => place && place.getBoundingClientRect().top <= innerHeight / 3);
  const atEnd = scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  const [, link] = (atEnd ? places : passed).at(-1) ?? places[0];
  if (link === current) return;
  current?.removeAttribute("aria-current");
  current = link;
  link.setAttribute("aria-current", "location");
  byId("here").textContent = `: ${link.textContent}`;
  const box = link.getBoundingClientRect(), frame = contents.getBoundingClientRect();
  if (!narrow.matches && (box.top < frame.top || box.bottom > frame.bottom)) {
    contents.scrollTop += box.top - frame.top - frame.height / 3;
  }
};
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    follow();
  });
}, { passive: true });
follow();
document.addEventListener("click", (event) => {
  if (event.target.closest('a[href="#runs"]')) byId("all-runs").open = true;
  if (narrow.matches && event.target.closest("nav a")) contents.querySelector("details").open = false;
});

const theme = byId("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
let wanted = "";
try {
  wanted = localStorage.getItem("videossl-theme") ?? "";
} catch { /* a page without storage follows the system */ }
const paint = () => {
  const isDark = wanted ? wanted === "dark" : dark.matches;
  document.documentElement.style.colorScheme = wanted;
  theme.textContent = isDark ? "Light" : "Dark";
};
theme.hidden = false;
theme.addEventListener("click", () => {
  wanted = theme.textContent.toLowerCase();
  paint();
  try {
    localStorage.setItem("videossl-theme", wanted);
  } catch { /* not kept */ }
});
dark.addEventListener("change", paint);
paint();
