/* Dark and light; contents and larger pictures on a phone; search. All else works without. */
"use strict";
(() => {
  const page = document.documentElement;
  page.classList.add("scripted");

  // The reader's choice is kept; a browser that keeps nothing for files follows the system again.
  const kept = {
    get() { try { return localStorage.getItem("theme"); } catch { return null; } },
    set(theme) { try { localStorage.setItem("theme", theme); } catch { /* until the next page */ } },
  };
  const show = (theme) => { page.dataset.theme = theme; };
  if (kept.get()) show(kept.get());

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // The sections that have every word, those that have it in their heading first, and those of
  // the pages that are listed last, such as tables of benchmarks, behind those of the chapters.
  function search(query) {
    const words = plain(query).split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
    if (!words.length) return [];
    const starts = words.map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "gu"));
    const found = [];
    for (const section of window.SECTIONS) {
      section.plain ??= [section.title, section.heading, section.text].map(plain);
      const hits = starts.map((start) => section.plain.map((text) => (text.match(start) || []).length));
      if (hits.some((of) => !of.some(Boolean))) continue;
      const score = hits.reduce((sum, [title, heading, text]) =>
        sum + 5 * Math.min(title, 1) + 20 * Math.min(heading, 1) + Math.min(text, 5), 0)
        - 40 * section.last;
      found.push({ section, score });
    }
    found.sort((a, b) => b.score - a.score);
    return found.slice(0, 12).map(({ section }) => result(section, words[0]));
  }

  // A link to a section with some of its text, around the word.
  function result({ url, title, heading, text }, word) {
    const link = document.createElement("a");
    link.href = page.dataset.root + url;
    const name = document.createElement("b");
    name.textContent = heading && heading !== title ? `${title}: ${heading}` : title;
    const at = Math.max(0, text.toLowerCase().indexOf(word));
    const from = at < 60 ? 0 : text.indexOf(" ", at - 60) + 1;
    const hit = text.slice(at, at + word.length).toLowerCase() === word;
    const mark = document.createElement("mark");
    mark.textContent = hit ? text.slice(at, at + word.length) : "";
    link.append(name, (from ? "…" : "") + text.slice(from, at), mark,
      `${text.slice(at + mark.textContent.length, at + 120)}…`);
    return link;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const by = (id) => document.getElementById(id);
    by("theme").addEventListener("click", () => {
      const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const theme = (page.dataset.theme || system) === "dark" ? "light" : "dark";
      show(theme);
      kept.set(theme);
    });
    for (const picture of document.querySelectorAll("main img")) {
      picture.addEventListener("click", () => picture.classList.toggle("large"));
    }
    by("menu").addEventListener("click", () => {
      const open = by("contents").classList.toggle("open");
      by("menu").setAttribute("aria-expanded", open);
    });

    // A page on a disk may not fetch, but it may load a script: the index is one.
    let index;
    const indexed = () => index ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = `${page.dataset.root}assets/sections.js`;
      script.onload = done;
      document.head.append(script);
    });
    by("query").addEventListener("input", async () => {
      await indexed();
      const query = by("query").value.trim();
      const results = search(query);
      by("found").replaceChildren(...results);
      if (query && !results.length) by("found").textContent = "Nothing found.";
    });
    by("query").form.addEventListener("submit", (event) => {
      event.preventDefault();
      by("found").querySelector("a")?.click();
    });
    // What scrolls in its box is reached by the keyboard, and nothing else is.
    const reach = () => {
      for (const box of document.querySelectorAll(
        "main :is(pre, .scroll, .highlight, .jp-InputArea-editor, .jp-OutputArea-output, math)")) {
        const scrolls = box.scrollWidth > box.clientWidth + 1
          && /auto|scroll/.test(getComputedStyle(box).overflowX);
        if (scrolls) box.tabIndex = 0; else box.removeAttribute("tabindex");
      }
    };
    reach();
    addEventListener("resize", reach);

    // The contents show where the reader is.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });
    const links = new Map([...document.querySelectorAll('nav a[href^="#"]')]
      .map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const headings = [...document.querySelectorAll("main h2[id]")];
    const follow = () => {
      const here = headings.findLast((heading) => heading.getBoundingClientRect().top < 120);
      for (const [id, link] of links) {
        if (id !== here?.id) link.removeAttribute("aria-current");
        else if (!link.hasAttribute("aria-current")) {
          link.setAttribute("aria-current", "true");
          const { top, bottom } = link.getBoundingClientRect();
          const nav = by("contents");
          if (top < 60 || bottom > innerHeight) nav.scrollTop += top - innerHeight / 2;
        }
      }
    };
    addEventListener("scroll", follow, { passive: true });
  });
})();
