"""The alert rules say what they should, and neither they nor the dashboard ask for metrics or labels
that the daemon does not have."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
RULES = os.path.join(PROJECT, "config", "prometheus", "loa.rules.yaml")
DASHBOARD = os.path.join(PROJECT, "config", "grafana", "loa.json")
EXPORTER = os.path.join(PROJECT, "src", "api", "metrics.cpp")
GUIDE = os.path.join(PROJECT, "docs", "operate.md")

# Name of a metric and its labels; a histogram by its buckets.
METRICS = {
    "loa_messages_total": {"gateway", "outcome"},
    "loa_segments_total": {"gateway"},
    "loa_batch_duration_seconds_bucket": {"gateway", "le"},
    "loa_inflight_messages": {"gateway"},
    "loa_queue_messages": {"queue"},
    "loa_queue_oldest_seconds": {"queue"},
    "loa_rate_limit_messages_per_second": {"gateway"},
    "loa_throttle_wait_seconds_total": {"gateway", "reason"},
    "loa_circuit_state": {"gateway"},
    "loa_campaign_recipients": {"campaign", "state"},
    "loa_campaigns": {"state"},
    "loa_config_last_reload_successful": set(),
    "loa_audit_chain_records_total": set(),
    "loa_build_info": {"version"},
    "loa_redis_connected": set(),
    "loa_journal_shortage": set(),
    "loa_approval_required": set(),
    "loa_http_connections": set(),
    "loa_http_streams": set(),
    "loa_http_requests_total": set(),
    "loa_http_dropped_connections_total": {"reason"},
}
ONLY_IN_ALERTS = {"loa_config_last_reload_successful", "loa_approval_required"}
FROM_PROMETHEUS = {"job", "instance"}


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def uses(expression):
    """(metric, labels that select or group it) of an expression in PromQL."""
    for match in re.finditer(r"\b(loa_\w+)(?:\{([^}]*)\})?", expression):
        yield match.group(1), set(re.findall(r"(\w+)\s*[=!]", match.group(2) or ""))


def grouped(expression):
    for match in re.finditer(r"\b(?:by|on|without)\s*\(([^)]*)\)", expression):
        yield from (name.strip() for name in match.group(1).split(",") if name.strip())


class Monitoring(unittest.TestCase):
    def known(self, expression, where):
        found = list(uses(expression))
        labels = set(FROM_PROMETHEUS)
        for metric, selected in found:
            self.assertIn(metric, METRICS, where)
            self.assertLessEqual(selected, METRICS[metric] | FROM_PROMETHEUS, where)
            labels |= METRICS[metric]
        self.assertLessEqual(set(grouped(expression)), labels, where)
        return {metric for metric, _ in found}

    def promtool(self, *arguments, folder=None):
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=folder,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_list_above_is_what_the_daemon_has(self):
        families = set(re.findall(r"(?:family|put)\(\"(loa_\w+)\"", text_of(EXPORTER)))
        self.assertEqual({name.removesuffix("_bucket") for name in METRICS}, families)

    def test_rules_are_well_formed(self):
        self.promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    def test_alerts_fire_when_they_should(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in (RULES, os.path.join(HERE, "loa.rules.test.yaml")):
                shutil.copy(path, folder)
            self.promtool("test", "rules", "loa.rules.test.yaml", folder=folder)

    def test_each_alert_is_tested(self):
        tests = text_of(os.path.join(HERE, "loa.rules.test.yaml"))
        for alert in re.findall(r"- alert: (\w+)", text_of(RULES)):
            self.assertRegex(tests, rf"alertname: {alert}\n\s+exp_alerts", alert)

    def test_alerts_ask_for_what_is_there(self):
        rules = text_of(RULES)
        expressions = re.findall(r"^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)", rules, re.M)
        self.assertEqual(len(expressions), rules.count("- alert:"))
        for block, line in expressions:
            self.known(block or line, block or line)

    def test_alerts_lead_to_a_heading_of_the_guide(self):
        headings = set(re.findall(r"^#+ (.*)$", text_of(GUIDE), re.M))
        for heading in re.findall(r"^          do: (.*)$", text_of(RULES), re.M):
            self.assertIn(heading, headings)

    def test_dashboard(self):
        dashboard = json.loads(text_of(DASHBOARD))
        shown, places = set(), set()
        for panel in dashboard["panels"]:
            title = panel["title"]
            self.assertTrue(panel["description"], title)
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], title)
            self.assertTrue(panel["targets"], title)
            for target in panel["targets"]:
                shown |= self.known(target["expr"], title)
                self.assertTrue(target["legendFormat"], title)
            grid = panel["gridPos"]
            self.assertLessEqual(grid["x"] + grid["w"], 24, title)
            cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"])
                     for y in range(grid["y"], grid["y"] + grid["h"])}
            self.assertFalse(places & cells, f"{title} covers another panel")
            places |= cells
        # Every metric has its panel, but for what only an alert needs.
        self.assertEqual(set(METRICS) - shown, ONLY_IN_ALERTS)

    def test_dashboard_queries_are_promql(self):
        """promtool reads each expression as a rule; Grafana's variables stand for any value."""
        dashboard = json.loads(text_of(DASHBOARD))
        expressions = [target["expr"].replace("$__rate_interval", "5m")
                       for panel in dashboard["panels"] for target in panel["targets"]]
        rules = [{"record": f"panel:{number}", "expr": expression}
                 for number, expression in enumerate(expressions)]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rules.yaml")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
            self.promtool("check", "rules", path)


if __name__ == "__main__":
    unittest.main()
