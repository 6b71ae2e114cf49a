// The week: appointments are moved by dragging. Without it they are moved by the form on their page.
const QUARTER = 15;
let dragged = null;

// An hour is as high as what stands in it needs; the quarters in it share that.
function quarterAt(day, y) {
  const tops = [...day.querySelectorAll(".rule")].map((rule) => rule.getBoundingClientRect().top);
  tops.push(day.getBoundingClientRect().bottom);
  const hour = Math.max(0, tops.findLastIndex((top) => top <= y + 1));
  const share = (y - tops[hour]) / ((tops[hour + 1] ?? tops[hour] + 1) - tops[hour]);
  return hour * 4 + Math.max(0, Math.min(3, Math.round(share * 4)));
}

document.addEventListener("dragstart", (event) => {
  const entry = event.target.closest?.(".entry[data-move]");
  if (!entry) return;
  const box = entry.getBoundingClientRect();
  dragged = { entry, grip: event.clientY - box.top };
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", entry.textContent.trim());
});
document.addEventListener("dragend", () => {
  dragged = null;
  for (const day of document.querySelectorAll(".track.over")) day.classList.remove("over");
});
document.addEventListener("dragover", (event) => {
  const day = event.target.closest?.(".track[data-date]");
  for (const other of document.querySelectorAll(".track.over")) if (other !== day) other.classList.remove("over");
  if (!dragged || !day) return;
  event.preventDefault();
  day.classList.add("over");
});
document.addEventListener("drop", (event) => {
  const day = event.target.closest?.(".track[data-date]");
  if (!dragged || !day) return;
  event.preventDefault();
  const quarter = quarterAt(day, event.clientY - dragged.grip);
  const minutes = Number(day.dataset.from) + quarter * QUARTER;
  const two = (number) => String(number).padStart(2, "0");
  const { move, seen, resource } = dragged.entry.dataset;
  const form = document.createElement("form");
  form.method = "post";
  form.action = move;
  const fields = {
    seen, date: day.dataset.date, time: `${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`,
    resource: day.dataset.resource || resource,
  };
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    [field.type, field.name, field.value] = ["hidden", name, value];
    form.append(field);
  }
  document.body.append(form);
  form.submit();
});
