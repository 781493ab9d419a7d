"use strict";
(() => {
  const BATCH = 100;
  // What Python calls white space: it counted the words.
  const SPACE = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
  const by = (id) => document.getElementById(id);
  const words = (text) => text.split(SPACE).filter(Boolean);

  /** One utterance as it was before page.py packed it. */
  function unpack([id, set, reference, before, opsBefore, errorsBefore, after, opsAfter, errorsAfter], order) {
    const same = after === undefined;
    const row = { id, set, order, reference, before, opsBefore, errorsBefore };
    row.after = same ? before : after;
    row.opsAfter = same ? opsBefore : opsAfter;
    row.errorsAfter = same ? errorsBefore : errorsAfter;
    row.change = row.errorsAfter - errorsBefore;
    row.length = words(reference).length;
    row.outcome = row.change < 0 ? "improved" : row.change > 0 ? "harmed" : same ? "unchanged" : "changed";
    row.haystack = fold([id, reference, before, row.after].join("\n"));
    return row;
  }

  /** Upper and lower case, and accents typed as one character or two, are the same to the search. */
  function fold(text) {
    return text.toLowerCase().normalize();
  }

  /** An element holding text, which is never read as HTML. */
  function make(tag, className, text) {
    const element = document.createElement(tag);
    element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  /** The hypothesis words at each reference word, and those inserted in the gap before each. */
  function steps(reference, hypothesis, ops) {
    const said = words(reference), heard = words(hypothesis);
    const slots = said.map(() => null), gaps = Array.from({ length: said.length + 1 }, () => []);
    let at = 0, next = 0;
    for (const kind of ops || "=".repeat(said.length)) {
      if (kind === "I" || kind === "v") gaps[at].push({ kind, text: heard[next++] });
      else if (kind === "d") slots[at++] = { kind, text: "" };
      else if (kind === "D") slots[at] = { kind, text: said[at++] };
      else slots[at++] = { kind, text: heard[next++] };
    }
    return { slots, gaps };
  }

  /** The alignment's columns: one a reference word, and one for each word inserted before or after correction. */
  function columns(row) {
    const said = words(row.reference);
    const before = steps(row.reference, row.before, row.opsBefore);
    const after = steps(row.reference, row.after, row.opsAfter);
    const result = [];
    for (let at = 0; at <= said.length; at++) {
      for (let n = 0; n < Math.max(before.gaps[at].length, after.gaps[at].length); n++) {
        result.push({ said: "", before: before.gaps[at][n], after: after.gaps[at][n] });
      }
      if (at < said.length) result.push({ said: said[at], before: before.slots[at], after: after.slots[at] });
    }
    return result;
  }

  /** Whether nothing is wrong in a column: the right word, or no word where none was said. */
  const right = (step) => !step || "=Vvd".includes(step.kind);

  const VARIANT = "variant of spelling";
  const TOLD = { S: "wrong word", D: "missing word", I: "extra word", V: VARIANT, v: VARIANT, d: VARIANT };

  /** A word of the alignment, marked by what is wrong with it and what the corrector did. */
  function cell(step, other, corrected) {
    const td = document.createElement("td");
    const fixed = corrected && right(step) && !right(other), broken = corrected && !right(step) && right(other);
    const names = ["step", step ? step.kind : "", fixed ? "fixed" : "", broken ? "broken" : ""];
    const tag = { I: "ins", D: "del" }[step && step.kind] || "span";
    const word = make(tag, names.filter(Boolean).join(" "), step ? step.text : "");
    if (tag === "ins") word.style.textDecoration = "none";
    const told = TOLD[step && step.kind];
    word.title = [told, fixed && "fixed by the corrector", broken && "broken by the corrector"].filter(Boolean).join(", ");
    td.append(word);
    return td;
  }

  /** Cells a word takes: wide characters take two. */
  const width = (text) => [...text].reduce((sum, letter) => sum + (letter >= "\u1100" ? 2 : 1), 0);

  /** The columns in lines of at most so many characters. */
  function lines(all, room) {
    const result = [[]];
    let used = 0;
    for (const column of all) {
      const texts = [column.said, column.before?.text ?? "", column.after?.text ?? ""];
      const wide = 2.4 + Math.max(...texts.map(width));
      if (used + wide > room && used) {
        result.push([]);
        used = 0;
      }
      result.at(-1).push(column);
      used += wide;
    }
    return result;
  }

  /** Fills the panel below a row. */
  function align(panel, row, direction) {
    panel.replaceChildren(make("p", "muted", `${sets[row.set]} · ${row.id}`));
    panel.firstChild.dir = "auto";
    const room = (panel.clientWidth - 16) / 8.4 - 7; // characters of the monospace font, less the line's name
    for (const line of lines(columns(row), room)) {
      const table = make("table", "");
      table.dir = direction;
      for (const name of ["said", "before", "after"]) {
        const tr = table.insertRow();
        const th = make("th", "", name);
        th.scope = "row";
        tr.append(th);
        for (const column of line) {
          if (name === "said") tr.append(make("td", "said", column.said || "·"));
          else tr.append(cell(column[name], column.before, name === "after"));
        }
      }
      panel.append(table);
    }
  }

  /** A row of the list: a button that opens the alignment below it. */
  function item(row, number) {
    const li = make("li", ""), button = make("button", "row grid"), panel = make("div", "alignment");
    const change = row.change > 0 ? `+${row.change}` : String(row.change).replace("-", "−");
    const sign = { improved: "▲ ", harmed: "▼ ", changed: "~ ", unchanged: "" }[row.outcome];
    const text = make("span", "text", row.after || "(empty)");
    text.dir = "auto";
    button.type = "button";
    button.append(
      make("span", "order", row.order), make("span", "before", row.errorsBefore),
      make("span", "after", row.errorsAfter), make("span", `change ${row.outcome}`, sign + change),
      make("span", "length", row.length), text,
    );
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", panel.id = `alignment-${number}`);
    button.setAttribute("aria-label", `${row.id}, ${row.outcome}: ${row.errorsBefore} errors before,` +
      ` ${row.errorsAfter} after, ${row.length} words. ${text.textContent}`);
    panel.hidden = true;
    button.addEventListener("click", () => {
      panel.hidden = !panel.hidden;
      button.setAttribute("aria-expanded", String(!panel.hidden));
      if (!panel.hidden) align(panel, row, getComputedStyle(text).direction);
    });
    li.append(button, panel);
    return li;
  }

  const { sets, rows: packed } = JSON.parse(by("data").textContent);
  const seen = sets.map(() => 0);
  const all = packed.map((row) => unpack(row, ++seen[row[1]]));
  const state = { key: "order", descending: false, shown: 0, found: all };
  const values = {
    order: (row) => row.order, before: (row) => row.errorsBefore, after: (row) => row.errorsAfter,
    change: (row) => row.change, length: (row) => row.length,
  };

  function more() {
    const next = state.found.slice(state.shown, state.shown + BATCH);
    by("rows").append(...next.map((row, n) => item(row, state.shown + n)));
    state.shown += next.length;
    by("more").hidden = state.shown === state.found.length;
    const count = (number) => number.toLocaleString("en");
    by("status").textContent = `${count(state.shown)} shown of ${count(state.found.length)} found` +
      ` among ${count(all.length)} utterances`;
    return next.length;
  }

  function list() {
    const wanted = fold(by("search").value.trim()), set = by("set").value, outcome = by("outcome").value;
    const value = values[state.key], sign = state.descending ? -1 : 1;
    state.found = all.filter((row) => row.haystack.includes(wanted) && (!outcome || row.outcome === outcome) &&
      (set === "" || row.set === Number(set)));
    // Sets stay apart only in their own order; other ties keep the order they came in.
    const tie = (a, b) => a.set - b.set || a.order - b.order;
    state.found.sort((a, b) => state.key === "order" ? a.set - b.set || sign * (a.order - b.order)
      : sign * (value(a) - value(b)) || tie(a, b));
    state.shown = 0;
    by("rows").replaceChildren();
    more();
    for (const button of by("sort").children) {
      const pressed = button.dataset.key === state.key;
      button.setAttribute("aria-pressed", String(pressed));
      button.dataset.descending = String(pressed && state.descending);
      button.title = pressed ? (state.descending ? "largest first" : "smallest first") : "";
    }
  }

  sets.forEach((name, number) => by("set").add(new Option(name, number)));
  for (const button of by("sort").children) {
    button.addEventListener("click", () => {
      const { key } = button.dataset;
      // Errors and long sentences are what one looks for first; so are the greatest gains, which are negative.
      state.descending = state.key === key ? !state.descending : !["order", "change"].includes(key);
      state.key = key;
      list();
    });
  }
  let waiting;
  by("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(list, 120); // not for each letter of a word typed quickly
  });
  for (const id of ["set", "outcome"]) by(id).addEventListener("change", list);
  by("more").addEventListener("click", () => {
    const first = state.shown;
    if (more()) by("rows").children[first].firstChild.focus(); // the button may be gone
  });
  list();
  document.body.dataset.ready = "true";
})();
