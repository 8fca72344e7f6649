"use strict";
(() => {
  const steps = document.getElementById("steps");
  if (!steps) return;
  const items = Array.from(steps.children);
  const found = document.getElementById("found");
  const search = document.getElementById("search");
  const tools = document.getElementById("tools");
  let texts = null;
  const apply = () => {
    texts = texts || items.map((item) => item.textContent.toLowerCase());
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    items.forEach((item, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      if (item.hidden === fits) item.hidden = !fits;
      if (fits) count += 1;
    });
    found.value = words.length ? count + " of " + items.length + " steps" : "";
  };
  search.addEventListener("input", apply);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("change", (event) => {
    if (event.target.name !== "show") return;
    steps.classList.toggle("only-words", event.target.value === "words");
    steps.classList.toggle("only-calls", event.target.value === "calls");
  });
  const folded = Array.from(document.querySelectorAll("details"));
  let wereOpen = [];
  window.addEventListener("beforeprint", () => {
    wereOpen = folded.map((one) => one.open);
    folded.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((one, index) => { one.open = wereOpen[index]; });
  });
})();
