// `loa user add|passwd|token|list|remove` on the command line.
#include <memory>

#include "cli/verb_groups.hpp"

namespace loa {
namespace {

struct Group {
  CLI::App* parent;
  CommonOptions& common;
  int& status;
  std::shared_ptr<UserOptions> options;

  CLI::App* add(UserVerb verb, const char* name, const char* what, bool needs_user) {
    CLI::App* app = parent->add_subcommand(name, what);
    if (needs_user) app->add_option("NAME", options->user, "The user's id")->required();
    app->add_option("--users", options->file, "The users file (default: the configured one)");
    add_common(*app, common);
    app->callback([verb, options = options, &common = common, &status = status] {
      status = run_user(common, verb, *options);
    });
    return app;
  }
};

}  // namespace

void add_user_verbs(CLI::App& app, CommonOptions& common, int& status) {
  CLI::App* user = app.add_subcommand("user", "Who may do what: the users file");
  user->require_subcommand(1);
  Group group{user, common, status, std::make_shared<UserOptions>()};
  UserOptions& options = *group.options;

  CLI::App* add = group.add(UserVerb::add, "add", "Add a user", true);
  add->add_option("--role", options.roles,
                  "author, approver, operator, auditor or carrier; may be repeated")
      ->required();
  add->add_option("--name", options.name, "The name for people");
  add->add_option("--unix", options.unix_login,
                  "The local login that may act as this user over the Unix socket");
  add->add_option("--gateway", options.gateway, "The gateway that a carrier may see");
  add->footer(
      "Example: loa user add lan --role author --role approver --name 'Nguyễn Thị Lan' --unix lan");

  CLI::App* passwd = group.add(UserVerb::passwd, "passwd", "Set a user's password", true);
  passwd->add_option("--password-file", options.password_file,
                     "Take it from this file, or - for stdin, instead of asking");
  passwd->footer("Example: loa user passwd lan");

  CLI::App* token = group.add(UserVerb::token, "token", "Make a token for a machine", true);
  token->add_option("--note", options.note, "What it is for");
  token->add_option("--expires", options.expires, "The first day on which it does not work");
  token->footer("Example: loa user token vina-noc --note 'NOC dashboard' --expires 2027-01-01");

  CLI::App* list =
      group.add(UserVerb::list, "list", "Users, their roles, and how they sign in", false);
  list->footer("Example: loa user list");

  CLI::App* remove = group.add(UserVerb::remove, "remove", "Remove a user, or one token", true);
  remove->add_option("--token", options.token, "Only the token with this id");
  remove->footer("Example: loa user remove lan");

  user->footer(
      "The users file is named by `users:` in loa.yaml. It is rewritten as a whole: the order of "
      "the "
      "users stays, comments do not.\nA running daemon reads it again on reload.");
}

}  // namespace loa
