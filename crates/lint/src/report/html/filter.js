"use strict";
(() => {
  const form = document.getElementById("filters");
  const findings = [...document.querySelectorAll(".finding")];
  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches(".finding")) {
      target.hidden = false;
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  if (form) {
    const words = new Map(findings.map((finding) => [finding, finding.textContent.toLowerCase()]));
    const filter = () => {
      const asked = new FormData(form);
      const severities = new Set(asked.getAll("severity"));
      const text = (asked.get("text") || "").trim().toLowerCase();
      const keepsAccepted = !form.elements.accepted || asked.has("accepted");
      let shown = 0;
      for (const finding of findings) {
        const { severity, category, direction, standing, accepted } = finding.dataset;
        const isShown = severities.has(severity)
          && (!asked.get("category") || asked.get("category") === category)
          && (!asked.get("direction") || asked.get("direction") === direction)
          && (!asked.has("new") || standing === "new" || standing === "grown")
          && (keepsAccepted || accepted === undefined)
          && words.get(finding).includes(text);
        finding.hidden = !isShown;
        shown += Number(isShown);
      }
      document.getElementById("shown").textContent = `${shown} of ${findings.length} shown`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  }
  open();
})();
