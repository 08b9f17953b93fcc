#include <CLI/CLI.hpp>

#include "base/fault.hpp"
#include "cli/completion.hpp"
#include "cli/verb_groups.hpp"
#include "cli/verbs.hpp"

namespace loa {

void add_common(CLI::App& verb, CommonOptions& common) {
  verb.add_option("--config", common.config,
                  "Configuration file (default: config/loa.yaml, then /etc/loa/loa.yaml)");
  verb.add_flag("--json", common.json, "One JSON object on stdout; messages go to stderr");
}

namespace {

void add_data(CLI::App& verb, std::string& data) {
  verb.add_option("--data", data, "Data directory (default: the configured one)");
}

void add_completion_verb(CLI::App& app, int& status) {
  CLI::App* verb = app.add_subcommand("completion", "Print the script that completes in a shell");
  auto shell = std::make_shared<std::string>();
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->footer(
      "Example: source <(loa completion bash)\n"
      "         loa completion fish > ~/.config/fish/completions/loa.fish");
  verb->callback([shell, &status] {
    const std::string_view script = *shell == "bash"  ? kBashCompletion
                                    : *shell == "zsh" ? kZshCompletion
                                                      : kFishCompletion;
    std::fwrite(script.data(), 1, script.size(), stdout);
    status = 0;
  });
}

// CLI11 knows no "did you mean".
void suggest(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    verbs.push_back(verb->get_name());
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) continue;
    const std::string near = nearest(word, verbs);
    if (!near.empty() && near != word) std::cerr << "Did you mean 'loa " << near << "'?\n";
    return;
  }
}

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App app{"Loa sends public-safety warnings by SMS, through carriers' HTTP gateways."};
  app.set_version_flag("--version", LOA_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  loa check config/                                   find every fault before it matters\n"
      "  loa plan config/campaigns/lua-dao-gia-danh.yaml     what will be sent, to whom, until "
      "when, at what price\n"
      "  loa send config/campaigns/lua-dao-gia-danh.yaml     send it, to the closing balance\n"
      "  loa report lua-dao-gia-danh-2026-11 --csv report.csv");

  CommonOptions common;
  int status = 0;

  std::vector<std::string> paths;
  CLI::App* check =
      app.add_subcommand("check", "Check configuration, profiles, templates and campaigns");
  check->add_option("PATH", paths, "Files, or folders with YAML files")->required();
  check->footer(
      "Example: loa check config/ templates/\nExit: 0 nothing wrong, 65 a campaign or template is "
      "wrong, 78 the configuration is");
  add_common(*check, common);
  check->callback([&] { status = run_check(common, paths); });

  std::string words;
  CLI::App* text =
      app.add_subcommand("text", "Count the parts of a text, with and without accents");
  text->add_option("TEXT", words, "The text, or - to read it from stdin")->required();
  text->footer("Example: loa text 'Cảnh báo lừa đảo: không chuyển tiền cho người lạ.'");
  add_common(*text, common);
  text->callback([&] { status = run_text(common, words); });

  std::vector<std::string> files;
  std::vector<std::string> exclude;
  std::string column = "so_dien_thoai";
  CLI::App* audience = app.add_subcommand("audience", "Check files of recipients, row by row");
  audience->add_option("FILE", files, "CSV files")->required();
  audience->add_option("--phone-column", column, "Name of the column with the numbers");
  audience->add_option("--exclude", exclude, "Lists of numbers that opted out");
  audience->footer(
      "Example: loa audience config/audience/lang-son.csv --exclude config/optout.csv");
  add_common(*audience, common);
  audience->callback([&] { status = run_audience(common, files, column, exclude); });

  std::string campaign;
  std::string from;
  CLI::App* plan = app.add_subcommand(
      "plan", "A dry run: what will be sent, to whom, until when, at what price");
  plan->add_option("CAMPAIGN", campaign, "Campaign file")->required();
  plan->add_option("--from", from,
                   "Begin at this time (RFC 3339) when the campaign has no not_before");
  plan->footer("Example: loa plan config/campaigns/lua-dao-gia-danh.yaml");
  add_common(*plan, common);
  plan->callback([&] { status = run_plan(common, campaign, from); });

  SendOptions sending;
  CLI::App* send =
      app.add_subcommand("send", "Plan, freeze and send a campaign, or go on where it was");
  send->add_option("CAMPAIGN", sending.campaign, "Campaign file")->required();
  add_data(*send, sending.data);
  send->add_flag("--yes", sending.yes, "Do not ask before the first message");
  send->add_flag("--now", sending.now, "Ignore not_before and hours");
  send->footer(
      "Example: loa send config/campaigns/lua-dao-gia-danh.yaml --data ./data --yes\n"
      "Interrupt once to stop cleanly; the same command goes on.\n"
      "Exit: 0 all settled, 1 some in doubt or never sent, 75 not finished, try again");
  add_common(*send, common);
  send->callback([&] { status = run_send(common, sending); });

  std::string id;
  std::string data;
  CLI::App* serve = app.add_subcommand(
      "serve", "The daemon: takes campaigns in, has them approved, sends them in their time");
  add_data(*serve, data);
  serve->add_option("--config", common.config,
                    "Configuration file (default: config/loa.yaml, then /etc/loa/loa.yaml)");
  serve->footer(
      "Example: loa serve --config config/loa.yaml\n"
      "HUP reads the configuration again, TERM finishes what is under way, a second TERM leaves at "
      "once.");
  serve->callback([&] { status = run_serve(common, data); });

  CLI::App* show = app.add_subcommand("status", "The balance of one campaign, or of all");
  show->add_option("CAMPAIGN", id, "Campaign id, or its file");
  add_data(*show, data);
  show->footer("Example: loa status lua-dao-gia-danh-2026-11 --data ./data");
  add_common(*show, common);
  show->callback([&] { status = run_status(common, id, data); });

  ReportOptions reporting;
  CLI::App* report = app.add_subcommand("report", "One line for each recipient, and the balance");
  report->add_option("CAMPAIGN", reporting.campaign, "Campaign id, or its file")->required();
  add_data(*report, reporting.data);
  report->add_option("--csv", reporting.csv, "Write CSV to this file (- for stdout)");
  report->add_flag("--reveal", reporting.reveal, "Whole numbers instead of masked ones");
  report->footer("Example: loa report lua-dao-gia-danh-2026-11 --data ./data --csv report.csv");
  add_common(*report, common);
  report->callback([&] { status = run_report(common, reporting); });

  DoubtsOptions doubting;
  CLI::App* doubts = app.add_subcommand(
      "doubts", "What a gateway may have or not, and what becomes of it; or decide");
  doubts->add_option("CAMPAIGN", doubting.campaign, "Campaign id, or its file")->required();
  add_data(*doubts, doubting.data);
  CLI::Option* resend =
      doubts->add_flag("--resend", doubting.resend, "Send all that is in doubt again");
  CLI::Option* assume = doubts->add_flag("--assume-sent", doubting.assume_sent,
                                         "Count all that is in doubt as accepted");
  CLI::Option* reason =
      doubts->add_option("--reason", doubting.reason, "Why; recorded with your name");
  resend->excludes(assume)->needs(reason);
  assume->needs(reason);
  doubts->add_flag("--yes", doubting.yes, "Do not ask before deciding");
  doubts->footer(
      "Example: loa doubts lua-dao-gia-danh-2026-11 --data ./data\n"
      "         loa doubts lua-dao-gia-danh-2026-11 --data ./data --resend --reason 'VNPT: not "
      "received'\n"
      "Exit: 0 listed or decided, 65 there is nothing to decide, 75 another process is sending");
  add_common(*doubts, common);
  doubts->callback([&] {
    if (reason->count() > 0 && !doubting.resend && !doubting.assume_sent)
      throw CLI::RequiresError("--reason", "--resend or --assume-sent");
    status = run_doubts(common, doubting);
  });

  CLI::App* journal = app.add_subcommand("journal", "Read the journal");
  journal->require_subcommand(1);
  CLI::App* cat = journal->add_subcommand("cat", "The events as JSON lines");
  add_data(*cat, data);
  add_common(*cat, common);
  cat->callback([&] { status = run_journal_cat(common, data); });
  CLI::App* verify = journal->add_subcommand("verify", "Check every block and every event");
  add_data(*verify, data);
  add_common(*verify, common);
  verify->callback([&] { status = run_journal_verify(common, data); });
  journal->footer("Example: loa journal cat --data ./data | tail");

  DrillArguments drilling;
  CLI::App* drill = app.add_subcommand(
      "drill", "Try to break it: kill sendings at the worst moments, and count what came of it");
  drill->add_option("--kills", drilling.kills, "Kills at random moments")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  drill->add_option("--seed", drilling.seed, "Draw the same moments and faults again");
  drill->add_option("--rows", drilling.rows, "Size of each campaign's audience")
      ->check(CLI::Range(10, 1'000'000))
      ->capture_default_str();
  drill->add_option("--sim", drilling.sim, "The gateway simulator (default: beside this program)");
  drill->add_flag("--keep", drilling.keep, "Keep all files to look at");
  drill->add_flag("--json", common.json, "One JSON object on stdout; messages go to stderr");
  drill->footer(
      "Nothing leaves this machine: the carriers are simulated, and the people invented.\n"
      "Examples:\n"
      "  loa drill\n"
      "  loa drill --kills 500 --seed 7 --json\n"
      "Exit: 0 nobody lost and nobody doubled, 70 somebody was");
  drill->callback([&] { status = run_drill_verb(common, drilling); });

  add_client_verbs(app, common, status);
  add_user_verbs(app, common, status);
  add_completion_verb(app, status);

  // For the shells, and in no help.
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    print_completions(app, {argv + 2, argv + argc});
    return 0;
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    app.exit(error);
    suggest(app, argc, argv);
    return 64;
  }
  return status;
}

}  // namespace loa
