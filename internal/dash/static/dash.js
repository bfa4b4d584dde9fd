// The pages' own script. It writes texts as text: the only HTML that it takes
// are parts of pages, which the server has escaped.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const words = { w: "waiting", r: "running", d: "done", f: "failed", c: "cancelled" };
  const report = $("data");

  function element(tag, text, attributes) {
    const e = document.createElement(tag);
    if (text !== undefined && text !== null) e.textContent = text;
    for (const name in attributes || {}) e.setAttribute(name, attributes[name]);
    return e;
  }

  // ---- asking the server

  function notice(text) {
    const box = $("notice");
    box.textContent = text;
    box.hidden = !text;
    clearTimeout(notice.timer);
    notice.timer = setTimeout(() => { box.hidden = true; }, 8000);
  }

  async function change(url, button) {
    const token = document.querySelector("meta[name=token]").content;
    if (button) button.disabled = true;
    try {
      const reply = await fetch(url, { method: "POST", headers: { "X-Spate-Token": token } });
      notice((await reply.text()).trim());
      return reply.ok;
    } catch (e) {
      notice("spate does not answer: " + e.message);
      return false;
    } finally {
      if (button) button.disabled = false;
    }
  }

  // replace puts new parts of the page in the place of old ones, and leaves
  // alone what has not changed: the focus may be in it.
  function replace(parts) {
    for (const id in parts) {
      const old = $(id);
      if (!old || old.dataset.html === parts[id] || old.contains(getSelection().anchorNode) && !getSelection().isCollapsed) continue;
      const t = document.createElement("template");
      t.innerHTML = parts[id];
      const fresh = t.content.firstElementChild;
      const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      fresh.dataset.html = parts[id];
      old.replaceWith(fresh);
      if (focused) for (const a of fresh.querySelectorAll("a")) if (a.getAttribute("href") === focused) { a.focus(); break; }
    }
  }

  function listen(url, handlers) {
    const source = new EventSource(url);
    source.onopen = () => { $("link").textContent = ""; };
    source.onerror = () => { $("link").textContent = "spate does not answer; trying again"; };
    for (const name in handlers) source.addEventListener(name, (e) => handlers[name](e.data, source));
    return source;
  }

  // ---- the grid

  function newGrid(canvas, chosen, jobs, describe, open) {
    let states = "", columns = 1, cell = 8, at = -1;
    function fit() {
      const width = canvas.clientWidth;
      for (cell = 22; cell > 3; cell--) {
        columns = Math.max(1, Math.floor(width / cell));
        if (Math.ceil(jobs / columns) * cell <= 420) break;
      }
      columns = Math.max(1, Math.floor(width / cell));
    }
    function draw() {
      if (!canvas.clientWidth) return;
      fit();
      const rows = Math.ceil(jobs / columns), ratio = devicePixelRatio || 1;
      canvas.style.height = rows * cell + "px";
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(rows * cell * ratio);
      const c = canvas.getContext("2d");
      c.scale(ratio, ratio);
      const gap = cell > 6 ? 2 : cell > 3 ? 1 : 0.5;
      for (const state of "wrdfc") { // one path a colour
        c.fillStyle = color(state);
        c.beginPath();
        for (let i = 0; i < jobs; i++) {
          if ((states[i] || "w") === state) c.rect(i % columns * cell, Math.floor(i / columns) * cell, cell - gap, cell - gap);
        }
        c.fill();
      }
      if (at >= 0) {
        c.strokeStyle = color("focus");
        c.lineWidth = 2;
        c.strokeRect(at % columns * cell - 0.5, Math.floor(at / columns) * cell - 0.5, cell - gap + 1, cell - gap + 1);
      }
    }
    let waiting = false;
    function redraw() {
      if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); }
    }
    function choose(i) {
      if (i < 0 || i >= jobs || i === at) return;
      at = i;
      chosen.textContent = describe(i, words[states[i] || "w"]);
      redraw();
    }
    const point = (e) => {
      const box = canvas.getBoundingClientRect();
      const x = Math.floor((e.clientX - box.left) / cell), y = Math.floor((e.clientY - box.top) / cell);
      return x < columns ? y * columns + x : -1;
    };
    canvas.addEventListener("pointermove", (e) => choose(point(e)));
    canvas.addEventListener("click", (e) => { const i = point(e); if (i >= 0 && i < jobs) open(i); });
    canvas.addEventListener("keydown", (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: jobs - 1 - at }[e.key];
      if (step !== undefined) { choose(at < 0 ? 0 : at + step); e.preventDefault(); }
      if (e.key === "Enter" && at >= 0) open(at);
    });
    addEventListener("resize", redraw);
    return { set(text) { states = text; redraw(); }, get: (i) => states[i], redraw };
  }

  // ---- charts

  const charts = new Map();

  function chart(place, options, data) {
    const width = place.clientWidth || 600;
    const axis = { stroke: color("quiet"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 } };
    const all = Object.assign({ width, height: 260 }, options);
    all.axes = options.axes.map((a) => Object.assign({}, axis, a));
    const known = charts.get(place);
    if (known) known.destroy();
    place.replaceChildren();
    charts.set(place, new uPlot(all, data, place));
  }

  function integers(u, splits) { return splits.map((v) => Number.isInteger(v) ? v : ""); }

  // timeline draws jobs without a result, jobs that run, and tasks, from what
  // results tell of their times and from what was seen of the tasks.
  function timeline(place, sent, rows, samples, scaled) {
    const steps = new Map(); // time -> [outstanding, running]
    const step = (t, o, r) => { const s = steps.get(t) || [0, 0]; steps.set(t, [s[0] + o, s[1] + r]); };
    step(sent, 0, 0);
    let open = rows.length;
    for (const row of rows) {
      if (row.a) step(Math.max(row.a, sent), 0, 1);
      if (row.e) step(Math.max(row.e, sent), -1, -1);
    }
    const seen = new Map(samples.map((s) => [s.t, s]));
    const wanted = new Map();
    for (const d of scaled) if (d.w >= 0) wanted.set(Math.max(d.t, sent), d.w);
    const times = [...new Set([...steps.keys(), ...seen.keys(), ...wanted.keys()])].sort((a, b) => a - b);
    const out = [[], [], [], [], []];
    let running = 0, want = null, tasks = null;
    for (const t of times) {
      const s = steps.get(t);
      if (s) { open += s[0]; running += s[1]; }
      if (wanted.has(t)) want = wanted.get(t);
      if (seen.has(t)) { tasks = seen.get(t).n; }
      out[0].push(t / 1000); out[1].push(open); out[2].push(running); out[3].push(want); out[4].push(tasks);
    }
    thin(out, 3000);
    const stepped = uPlot.paths.stepped({ align: 1 });
    const number = (u, v) => v === null || v === undefined ? "–" : String(v);
    const line = (label, name, dash) => ({ label, stroke: color(name), width: 2, dash, paths: stepped, points: { show: false }, value: number });
    chart(place, {
      scales: { x: { time: true }, y: { range: (u, a, b) => [0, Math.max(1, b * 1.05)] } },
      axes: [{}, { values: integers, size: 55 }],
      series: [{ label: "time" }, line("jobs without a result", "ink"), line("jobs running", "r"), line("tasks wanted", "f", [6, 4]), line("tasks running", "d")],
      hooks: { draw: [(u) => marks(u, scaled)] },
    }, out);
  }

  // marks draws where scaling was decided.
  function marks(u, scaled) {
    const c = u.ctx;
    c.save();
    c.strokeStyle = color("quiet");
    c.setLineDash([3, 4]);
    for (const d of scaled) {
      const x = u.valToPos(d.t / 1000, "x", true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      c.beginPath(); c.moveTo(x, u.bbox.top); c.lineTo(x, u.bbox.top + u.bbox.height); c.stroke();
    }
    c.restore();
  }

  // thin leaves out points that no screen has room for.
  function thin(data, most) {
    const stride = Math.ceil(data[0].length / most);
    if (stride > 1) for (let k = 0; k < data.length; k++) data[k] = data[k].filter((_, i) => i % stride === 0 || i === data[0].length - 1);
  }

  function scatter(place, points, x, y) {
    if (!points.length) { const known = charts.get(place); if (known) { known.destroy(); charts.delete(place); } place.replaceChildren(element("p", "No job has both yet.", { class: "quiet" })); return; }
    let names = null;
    let xs = points.map((p) => Number(p[0]));
    if (points.some((p) => p[0] === "" || !isFinite(Number(p[0])))) { // words: one place each
      names = [...new Set(points.map((p) => p[0]))];
      xs = points.map((p) => names.indexOf(p[0]));
    }
    const order = xs.map((v, i) => i).sort((a, b) => xs[a] - xs[b]);
    const low = Math.min(...[xs[order[0]]]), high = xs[order[order.length - 1]];
    const margin = (high - low || 1) * 0.05 + (names ? 0.4 : 0);
    const short = (s) => s.length > 14 ? s.slice(0, 13) + "…" : s;
    chart(place, {
      scales: { x: { time: false, range: [low - margin, high + margin] } },
      axes: [{ label: x, stroke: color("quiet"), values: names ? (u, s) => s.map((v) => Number.isInteger(v) && names[v] !== undefined ? short(names[v]) : "") : undefined, incrs: names ? [1, 2, 5, 10, 20, 50, 100, 1000] : undefined }, { label: y, size: 65 }],
      series: [{ label: x, value: (u, v) => v === null ? "–" : names ? names[v] : String(v) }, { label: y, stroke: color("r"), fill: color("r"), paths: () => null, points: { show: true, size: 6, fill: color("r"), stroke: color("r") }, value: (u, v) => v === null || v === undefined ? "–" : String(v) }],
    }, [order.map((i) => xs[i]), order.map((i) => points[i][1])]);
  }

  // ---- results

  const perPage = 100;

  function newResults(link) {
    let params = [], metrics = [], rows = [], from = 0, sort = { key: "i", down: false };
    const took = (r) => r.a && r.e ? (r.e - r.a) / 1000 : undefined;
    function columns() {
      return [
        { key: "i", name: "Job", value: (r) => r.i, number: true },
        { key: "s", name: "State", value: (r) => words[r.s] },
        ...params.map((name, k) => ({ key: "p" + k, name, value: (r) => r.p[k], text: true })),
        { key: "took", name: "Seconds", value: took, number: true },
        ...metrics.map((name) => ({ key: "m" + name, name, value: (r) => r.m && r.m[name], number: true })),
        { key: "why", name: "Reason", value: (r) => r.why, text: true },
      ];
    }
    function compare(a, b) {
      if (a === undefined || a === "") return b === undefined || b === "" ? 0 : 1;
      if (b === undefined || b === "") return -1;
      const x = Number(a), y = Number(b);
      const c = !isNaN(x) && !isNaN(y) ? x - y : String(a).localeCompare(String(b));
      return sort.down ? -c : c;
    }
    function draw() {
      const all = columns(), table = $("results"), head = element("tr");
      const focused = document.activeElement && document.activeElement.dataset.key;
      for (const c of all) {
        const th = element("th", undefined, { scope: "col", class: c.number ? "n" : "" });
        const mark = sort.key === c.key ? sort.down ? " ↓" : " ↑" : "";
        th.setAttribute("aria-sort", !mark ? "none" : sort.down ? "descending" : "ascending");
        const button = element("button", c.name + mark, { type: "button", "data-key": c.key });
        button.onclick = () => { sort = { key: c.key, down: sort.key === c.key && !sort.down }; from = 0; draw(); };
        th.append(button);
        head.append(th);
      }
      table.tHead.replaceChildren(head);
      if (focused !== undefined) for (const b of head.querySelectorAll("button")) if (b.dataset.key === focused) b.focus();
      const state = $("state").value, search = $("search").value.toLowerCase();
      const found = rows.filter((r) => (!state || r.s === state) && (!search || String(r.i) === search || r.p.some((p) => p.toLowerCase().includes(search)) || (r.why || "").toLowerCase().includes(search)));
      const by = all.find((c) => c.key === sort.key) || all[0];
      found.sort((a, b) => compare(by.value(a), by.value(b)) || a.i - b.i);
      from = Math.max(0, Math.min(from, Math.floor((found.length - 1) / perPage) * perPage));
      const page = found.slice(from, from + perPage);
      table.tBodies[0].replaceChildren(...page.map((r) => {
        const tr = element("tr");
        for (const c of all) {
          const v = c.value(r);
          const td = element("td", undefined, { class: c.number ? "n" : c.text ? "text" : "" });
          if (c.key === "i" && link) td.append(element("a", v, { href: link(r.i) }));
          else if (c.key === "s") td.append(element("span", v, { class: "badge " + v }));
          else td.textContent = v === undefined ? "" : c.key === "took" ? v.toFixed(v < 10 ? 2 : 0) : v;
          tr.append(td);
        }
        return tr;
      }));
      $("found").textContent = found.length ? (from + 1) + " to " + (from + page.length) + " of " + found.length : "None.";
      $("earlier").disabled = from === 0;
      $("later").disabled = from + perPage >= found.length;
    }
    function options(id, list) {
      const select = $(id), chosen = select.value;
      if ([...select.options].map((o) => o.value).join("\n") === list.map((o) => o[0]).join("\n")) return;
      select.replaceChildren(...list.map((o) => element("option", o[1], { value: o[0] })));
      if (list.some((o) => o[0] === chosen)) select.value = chosen;
    }
    function drawScatter() {
      const values = [...params.map((name, k) => ["p" + k, name]), ["took", "seconds"], ["i", "job"]];
      const heights = [...metrics.map((name) => ["m" + name, name]), ["took", "seconds"]];
      options("x", values); options("y", heights);
      const all = columns(), x = all.find((c) => c.key === $("x").value), y = all.find((c) => c.key === $("y").value);
      if (!x || !y) return;
      scatter($("scatter"), rows.map((r) => [x.value(r), y.value(r)]).filter((p) => p[0] !== undefined && typeof p[1] === "number").map((p) => [String(p[0]), p[1]]),
        $("x").selectedOptions[0].text, $("y").selectedOptions[0].text);
    }
    for (const id of ["x", "y"]) $(id).addEventListener("change", drawScatter);
    $("state").addEventListener("change", () => { from = 0; draw(); });
    $("search").addEventListener("input", () => { from = 0; draw(); });
    $("earlier").onclick = () => { from -= perPage; draw(); };
    $("later").onclick = () => { from += perPage; draw(); };
    return {
      rows: () => rows.filter(Boolean),
      take(v) {
        params = v.params || [];
        const names = new Set(metrics);
        for (const row of v.rows) {
          rows[row.i] = row;
          for (const name in row.m || {}) names.add(name);
        }
        metrics = [...names].sort();
        draw(); drawScatter();
      },
      redraw: drawScatter,
    };
  }

  // ---- pages

  function redrawAlways(draw) {
    let timer;
    addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(draw, 150); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  function runPage() {
    const page = $("run"), id = page.dataset.run, base = "/run/" + encodeURIComponent(id);
    const job = (i) => base + "/job/" + i;
    const results = newResults(job);
    let samples = [], scaled = [], sent = 0, next = 0, busy = false, again = false;
    const grid = newGrid($("grid"), $("chosen"), Number(page.dataset.shown), (i, state) => {
      const row = results.rows()[i];
      return "Job " + i + ": " + state + (row && row.p.length ? " (" + row.p.join(", ") + ")" : "");
    }, (i) => { location.href = job(i); });
    const draw = () => { if (sent) timeline($("timeline"), sent, results.rows(), samples, scaled); };
    redrawAlways(() => { grid.redraw(); draw(); results.redraw(); });
    async function update() {
      if (busy) { again = true; return; }
      busy = true;
      try {
        do {
          again = false;
          const reply = await fetch(base + "/rows?after=" + next);
          if (!reply.ok) { notice(await reply.text()); break; }
          const v = await reply.json();
          next = v.next; sent = v.sent;
          results.take(v);
          draw();
          page.dataset.rows = String(results.rows().length); // for who waits for it
          await new Promise((done) => setTimeout(done, 500));
        } while (again);
      } catch (e) {
        $("link").textContent = "spate does not answer; trying again";
      } finally { busy = false; }
    }
    listen(base + "/events", {
      look(data) {
        const v = JSON.parse(data);
        $("link").textContent = "";
        replace(v.parts);
        samples = samples.concat(v.samples || []);
        scaled = v.scaled || [];
        if (v.states) { grid.set(v.states); page.dataset.states = v.states.length > 200 ? "" : v.states; update(); } else draw();
        $("cancel").hidden = v.finished;
        $("retry").hidden = !v.retry;
        page.dataset.finished = v.finished;
      },
      trouble(data) { $("link").textContent = data; },
    });
    $("retry").onclick = () => change(base + "/retry", $("retry"));
    $("cancel").onclick = () => { if (confirm("Give up every job of this run that has no result?")) change(base + "/cancel", $("cancel")); };
  }

  function jobPage() {
    const page = $("job"), base = "/run/" + encodeURIComponent(page.dataset.run) + "/job/" + page.dataset.index;
    const log = $("log"), state = $("logstate");
    listen(base + "/log", {
      lines(data) {
        const low = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
        log.append(JSON.parse(data).join("\n") + "\n");
        if (low) log.scrollTop = log.scrollHeight;
      },
      end(data, source) {
        source.close();
        if (!log.textContent) state.textContent = data === "cancelled" ? "The job was cancelled." : "The job printed nothing.";
        if (data === "over") location.reload(); // its result and outputs are there
      },
      trouble(data, source) { source.close(); state.textContent = data; },
    }).onopen = () => { log.textContent = ""; $("link").textContent = ""; };
    const again = $("retry");
    if (again) again.onclick = async () => {
      if (await change("/run/" + encodeURIComponent(page.dataset.run) + "/retry?index=" + page.dataset.index, again)) setTimeout(() => location.reload(), 700);
    };
  }

  // follow asks for the parts of a page that have changed, as long as it is seen.
  function follow(url, milliseconds) {
    setInterval(async () => {
      if (document.hidden) return;
      try {
        const reply = await fetch(url);
        if (!reply.ok) throw new Error(await reply.text());
        replace((await reply.json()).parts);
        $("link").textContent = "";
      } catch (e) { $("link").textContent = "spate does not answer; trying again"; }
    }, milliseconds);
  }

  function homePage() {
    follow("/runs", 2000);
    const copy = $("copy");
    if (copy) copy.onclick = async () => {
      try { await navigator.clipboard.writeText($("exports").textContent); notice("The lines are copied."); } catch (e) {
        getSelection().selectAllChildren($("exports"));
        notice("The lines are selected: copy them by Ctrl-C.");
      }
    };
  }

  function stackPage() {
    const page = $("stack"), base = "/stack/" + encodeURIComponent(page.dataset.stack);
    follow(base + "/parts", Number(page.dataset.every));
    page.onclick = (e) => { if (e.target.id === "redrive") change(base + "/redrive", e.target); };
  }

  function reportPage() {
    const v = JSON.parse(report.textContent);
    const results = newResults(null);
    const draw = () => timeline($("timeline"), v.sent, results.rows(), [], v.scaled || []);
    results.take(v); draw();
    redrawAlways(() => { draw(); results.redraw(); });
  }

  if (report) reportPage();
  else ({ run: runPage, job: jobPage, home: homePage, stack: stackPage }[document.body.dataset.page] || (() => {}))();
})();
