// Sorts a <table data-sortable> by the column whose heading is pressed, and again whenever a
// live fragment brings the table anew. A cell's data-sort is used before its text.

const chosen = new Map();

function key(row, column) {
  const cell = row.cells[column];
  return cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
}

function sort(table, column, direction) {
  const rows = [...table.tBodies[0].rows];
  const sign = direction === "descending" ? -1 : 1;
  rows.sort((a, b) => sign * key(a, column).localeCompare(key(b, column), "en", { numeric: true }));
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach((heading, index) => {
    if (index === column) heading.setAttribute("aria-sort", direction);
    else heading.removeAttribute("aria-sort");
  });
}

function prepare(table) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    if ("unsortable" in heading.dataset || heading.querySelector(".sort")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.id = `${table.id}-sort-${column}`;
    button.className = "sort";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const direction = heading.ariaSort === "ascending" ? "descending" : "ascending";
      chosen.set(table.id, { column, direction });
      sort(table, column, direction);
    });
  });
  const wanted = chosen.get(table.id);
  if (wanted) sort(table, wanted.column, wanted.direction);
}

function prepareAll() {
  document.querySelectorAll("table[data-sortable]").forEach(prepare);
}

document.addEventListener("htmx:wsAfterMessage", prepareAll);
document.addEventListener("htmx:afterSettle", prepareAll);
prepareAll();
