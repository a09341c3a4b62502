/* The arrow keys, the space bar and the page keys turn the slides; a swipe scrolls them. */
"use strict";
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1,
    ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Home: -Infinity, End: Infinity };
  addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const here = slides.findLastIndex((slide) => slide.getBoundingClientRect().top < 8);
    const to = Math.min(Math.max(here + steps[event.key], 0), slides.length - 1);
    slides[to].scrollIntoView();
  });
})();
