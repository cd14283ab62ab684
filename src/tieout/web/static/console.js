// Keys and focus. The server sorts, filters, turns pages and sums; everything here also works without this file.
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const grid = () => $("table[data-grid]");
  const rowsOf = (table) => [...table.tHead.rows, ...table.tBodies[0].rows].filter((row) => row.getClientRects().length);
  const cellsOf = (row) => [...row.querySelectorAll("th, td")].filter((cell) => cell.getClientRects().length);
  const stop = (cell) => (cell.tagName === "TH" && cell.querySelector("a")) || cell;
  let at = { row: 1, cell: 0 };
  let follow = null; // where the focus goes after a page was turned: "first", "last", or true for the same place
  let inside = false; // whether the focus was in the grid before a swap
  let going = 0;

  function place(row, cell, focus) {
    const table = grid();
    if (!table) return;
    const rows = rowsOf(table);
    row = Math.max(0, Math.min(row, rows.length - 1));
    const cells = cellsOf(rows[row]);
    cell = Math.max(0, Math.min(cell, cells.length - 1));
    table.querySelectorAll("a, td, th").forEach((one) => { if (one.tagName !== "TH" || one.hasAttribute("tabindex")) one.tabIndex = -1; });
    const target = stop(cells[cell]);
    target.tabIndex = 0;
    at = { row, cell };
    if (focus) { target.focus(); target.scrollIntoView({ block: "nearest" }); }
  }

  function turn(id, then) {
    const link = document.getElementById(id);
    if (!link) return false;
    follow = then;
    link.click();
    return true;
  }

  function headRows() { return grid().tHead.getClientRects().length ? 1 : 0; }

  function move(by) {
    const inside = grid().contains(document.activeElement);
    const last = rowsOf(grid()).length - 1;
    const row = inside ? at.row + by : Math.max(at.row, headRows());
    if (row > last && turn("next", "first")) return;
    if (row < headRows() && by < 0 && inside && at.row === headRows() && turn("previous", "last")) return;
    place(Math.max(headRows(), row), at.cell, true);
  }

  function select(row) {
    row.setAttribute("aria-selected", row.getAttribute("aria-selected") !== "true");
    const ids = [...grid().querySelectorAll("tr[aria-selected=true]")].map((one) => one.dataset.id);
    htmx.ajax("GET", "/exceptions/selected?ids=" + ids.join(","), { target: "#selected", swap: "innerHTML" });
  }

  function inGrid(event) {
    const { row, cell } = at, last = rowsOf(grid()).length - 1;
    const to = {
      ArrowDown: [row + 1, cell], ArrowUp: [row - 1, cell], ArrowRight: [row, cell + 1], ArrowLeft: [row, cell - 1],
      Home: [event.ctrlKey ? headRows() : row, 0], End: [event.ctrlKey ? last : row, 99],
    }[event.key];
    const line = event.target.closest("tbody tr");
    if (to) place(...to, true);
    else if (event.key === "PageDown") turn("next", true);
    else if (event.key === "PageUp") turn("previous", true);
    else if (event.key === " " && line) select(line);
    else if (event.key === "Enter" && line) line.querySelector("a[href]").click();
    else return false;
    return true;
  }

  function anywhere(event) {
    const key = event.key;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = $(`a[data-go="${CSS.escape(key)}"]`);
      if (link) { link.click(); return true; }
    }
    if (key === "g") { going = Date.now(); return true; }
    if (key === "/") { $("#find").focus(); $("#find").select(); return true; }
    if (key === "?") { $("#keys").showModal(); return true; }
    if (key === "f" && $("#text")) { $("#text").focus(); return true; }
    if (key === "s" && $("#scope")) { $("#scope").open = true; $("#scope select").focus(); return true; }
    if (key >= "1" && key <= "9") { const step = $(`[data-digit="${key}"]`); if (step) { step.click(); return true; } }
    if (grid() && (key === "j" || key === "k")) { move(key === "j" ? 1 : -1); return true; }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.altKey || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
    if ($("#keys").open) return;
    const typing = event.target.closest("input, select, textarea");
    if (typing) {
      // a browser would empty a search field: what was filtered stays filtered
      if (event.key === "Escape") { event.preventDefault(); typing.blur(); if (grid()) place(at.row, at.cell, true); }
      return;
    }
    if (grid() && grid().contains(event.target) && inGrid(event)) event.preventDefault();
    else if (anywhere(event)) event.preventDefault();
  });
  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest("[data-grid] td, [data-grid] th");
    if (!cell) return;
    const rows = rowsOf(grid()), row = rows.indexOf(cell.closest("tr"));
    at = { row, cell: cellsOf(rows[row]).indexOf(cell) };
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-keys]")) $("#keys").showModal(); });
  document.addEventListener("htmx:before:swap", () => {
    inside = Boolean(grid()) && grid().contains(document.activeElement); // the row that has the focus may be swapped away
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (!grid() || (event.target && event.target.id === "selected")) return;
    const row = follow === "first" ? headRows() : follow === "last" ? 9999 : at.row;
    place(row, at.cell, Boolean(follow) || inside || grid().contains(document.activeElement));
    inside = false;
    follow = null;
    $("#announce").textContent = grid().caption.textContent;
  });
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-keys]").forEach((one) => { one.hidden = false; });
    place(1, 0, false);
  });
})();
