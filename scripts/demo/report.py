"""The demo's result as a table on a terminal and as one HTML page."""
import html

STYLE = """
:root { --ink:#1c2530; --dim:#5d6b7a; --paper:#fff; --line:#dde3ea;
  --direct:#dff3e4; --relay:#e6edf9; --bad:#fbdcdc; --accent:#2467c9; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6ebf1; --dim:#9aa8b6;
  --paper:#14191f; --line:#2c3641; --direct:#163c24; --relay:#1b2c48;
  --bad:#4d1f22; --accent:#7db0ff; } .drawing { background:#f5f7fa; } }
body { font:16px/1.5 system-ui,sans-serif; color:var(--ink);
  background:var(--paper); max-width:72rem; margin:2rem auto; padding:0 1rem; }
h1 { font-size:1.6rem; margin-bottom:.2rem; } h2 { margin-top:2.2rem; }
p.lead, .dim { color:var(--dim); }
table { border-collapse:collapse; font-size:.88rem; }
.scroll { overflow-x:auto; }
th,td { border:1px solid var(--line); padding:.35rem .55rem; text-align:left;
  vertical-align:top; }
td.direct { background:var(--direct); } td.relay { background:var(--relay); }
td.bad { background:var(--bad); } td.self { background:var(--line); }
td small { color:var(--dim); display:block; white-space:nowrap; }
.drawing { border:1px solid var(--line); border-radius:8px; padding:.5rem;
  overflow-x:auto; } .drawing svg { max-width:100%; height:auto; }
"""


def milliseconds(seconds):
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def rtt(value):
    return "-" if value is None else f"{value:.2f} ms"


def megabits(value):
    return "-" if value is None else f"{value / 1e6:.0f} Mbit/s"


def pairs_text(results):
    """One line a pair: everything that was measured."""
    form = "{:<20} {:<7} {:<9} {:>11} {:>12} {:>11} {:>10} {:>9}"
    lines = ["", form.format("pair", "path", "predicted", "first reply",
                             "direct after", "RTT relayed", "RTT direct",
                             "replies")]
    for pair in results["pairs"]:
        lines.append(form.format(
            f"{pair['a']}-{pair['b']}", pair["path"], pair["predicted"],
            milliseconds(pair["first_reply"]),
            milliseconds(pair["time_to_direct"]), rtt(pair["rtt_relayed"]),
            rtt(pair["rtt_direct"]), f"{pair['received']}/{pair['sent']}"))
    for kind, run in results["throughput"].items():
        lines.append(f"throughput, {kind}: {run['from']} to {run['to']}, one "
                     f"TCP stream, {megabits(run['bits_per_second'])}")
    return "\n".join(lines)


def matrix_text(results):
    """The path of every pair as a table of fixed width."""
    names = [node["name"] for node in results["nodes"]]
    found = {}
    for pair in results["pairs"]:
        text = pair["path"] + ("" if pair["ok"] else " !")
        found[pair["a"], pair["b"]] = found[pair["b"], pair["a"]] = text
    lines = ["", " " * 10 + "".join(f"{name:>10}" for name in names)]
    for row in names:
        cells = (found.get((row, column), "") for column in names)
        lines.append(f"{row:<10}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines) + "\n"


def render(results, drawing):
    """A self-contained page; `drawing` is the topology as SVG."""
    verdict = "every pair as predicted" if results["ok"] else "not as promised"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>natkit demo: {verdict}</title><style>{STYLE}</style></head><body>
<h1>natkit demo: {verdict}</h1>
<p class="lead">{len(results['nodes'])} nodes, {len(results['pairs'])} pairs,
each pinged every 10 ms over WireGuard; {results['seconds']} s in all.</p>
<h2>The network</h2><div class="drawing">{drawing}</div>
<h2>Paths</h2>{render_matrix(results)}
<p class="dim">Green: direct. Blue: over a relay. Red: not as promised. Each
cell: time to the first reply, time until both ends were direct, echo replies
received of those sent.</p>
<h2>Every pair</h2>{render_pairs(results)}
<h2>Throughput</h2>{render_throughput(results)}
<h2>A NAT reboots</h2>{render_reboot(results)}
<h2>The same machines, joined to a server</h2>{render_joined(results)}
</body></html>
"""


def render_matrix(results):
    names = [node["name"] for node in results["nodes"]]
    found = {}
    for pair in results["pairs"]:
        found[pair["a"], pair["b"]] = found[pair["b"], pair["a"]] = pair
    rows = ["<tr><th></th>" + "".join(f"<th>{name}</th>" for name in names)
            + "</tr>"]
    for node in results["nodes"]:
        cells = "".join(render_cell(found.get((node["name"], column)))
                        for column in names)
        rows.append(f"<tr><th>{node['name']}<small class='dim'><br>"
                    f"{html.escape(node['label'])}</small></th>{cells}</tr>")
    return f"<div class='scroll'><table>{''.join(rows)}</table></div>"


def render_cell(pair):
    if pair is None:
        return "<td class='self'></td>"
    kind = pair["path"] if pair["ok"] else "bad"
    times = milliseconds(pair["first_reply"])
    if pair["time_to_direct"] is not None:
        times += f" / {milliseconds(pair['time_to_direct'])}"
    return (f"<td class='{kind}' title='{html.escape(pair['why'])}'>"
            f"{pair['path']}<small>{times}</small>"
            f"<small>{pair['received']}/{pair['sent']}</small></td>")


def render_pairs(results):
    head = ("pair", "predicted", "because", "path", "by", "first reply",
            "direct after", "RTT relayed", "RTT direct", "replies", "problems")
    rows = ["<tr>" + "".join(f"<th>{word}</th>" for word in head) + "</tr>"]
    for pair in results["pairs"]:
        cells = (f"{pair['a']} - {pair['b']}", pair["predicted"], pair["why"],
                 pair["path"], pair["remote"],
                 milliseconds(pair["first_reply"]),
                 milliseconds(pair["time_to_direct"]),
                 rtt(pair["rtt_relayed"]), rtt(pair["rtt_direct"]),
                 f"{pair['received']}/{pair['sent']}",
                 "; ".join(pair["problems"]))
        rows.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>"
                                     for cell in cells) + "</tr>")
    return f"<div class='scroll'><table>{''.join(rows)}</table></div>"


def render_throughput(results):
    if not results["throughput"]:
        return "<p>Not measured.</p>"
    rows = "".join(
        f"<tr><td>{kind}</td><td>{run['from']} to {run['to']}</td>"
        f"<td>{megabits(run['bits_per_second'])}</td></tr>"
        for kind, run in results["throughput"].items())
    return ("<table><tr><th>path</th><th>one TCP stream</th><th>speed</th>"
            f"</tr>{rows}</table>")


def render_joined(results):
    rows = "".join(
        f"<tr><td class='{'direct' if check['ok'] else 'bad'}'>"
        f"{'held' if check['ok'] else 'FAILED'}</td>"
        f"<td>{html.escape(check['what'])}</td>"
        f"<td>{html.escape(check['detail'])}</td></tr>"
        for check in results["joined"])
    return f"<div class='scroll'><table>{rows}</table></div>"


def render_reboot(results):
    event = results["nat_reboot"]
    again = event["back_to_direct"]
    words = (f"{event['nat']} lost its state and got a new address while "
             f"{event['a']} pinged {event['b']} every 20 ms: "
             f"{event['received']} of {event['sent']} replies came, the "
             f"longest silence was {milliseconds(event['outage'])}, and the "
             "pair was direct again "
             + ("never." if again is None else f"after {again:.1f} s."))
    return f"<p>{html.escape(words)}</p>{render_timeline(event['samples'])}"


def render_timeline(samples):
    """Round trips over time as an SVG; the reboot is at 0."""
    if not samples:
        return ""
    width, height, pad = 900, 220, 40
    first, last = samples[0][0], max(samples[-1][0], 0.1)
    top = max(value for _, value in samples) or 1

    def x(at):
        return pad + (at - first) / (last - first or 1) * (width - 2 * pad)

    def y(value):
        return height - pad - value / top * (height - 2 * pad)

    dots = "".join(f"<circle cx='{x(at):.1f}' cy='{y(value):.1f}' r='1.6'/>"
                   for at, value in samples)
    return (f"<div class='scroll'><svg viewBox='0 0 {width} {height}' "
            f"width='{width}' role='img' aria-label='round trips over time'>"
            f"<g fill='var(--accent)'>{dots}</g>"
            f"<line x1='{x(0):.1f}' x2='{x(0):.1f}' y1='{pad}' "
            f"y2='{height - pad}' stroke='currentColor' "
            "stroke-dasharray='4 3'/>"
            f"<text x='{x(0) + 6:.1f}' y='{pad - 6}' font-size='12' "
            "fill='currentColor'>reboot</text>"
            f"<text x='{pad}' y='{height - 12}' font-size='12' "
            f"fill='currentColor'>{first:.1f} s</text>"
            f"<text x='{width - pad}' y='{height - 12}' font-size='12' "
            f"text-anchor='end' fill='currentColor'>{last:.1f} s</text>"
            f"<text x='4' y='{pad}' font-size='12' fill='currentColor'>"
            f"{top:.1f} ms</text></svg></div>")
