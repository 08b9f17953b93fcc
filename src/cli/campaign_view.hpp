// Campaigns, plans and gateways as the API gives them, for people.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace loa {

// A table, a line each.
std::string campaigns_table(const boost::json::object& page);
std::string gateways_table(const boost::json::object& page);

// All of one: its state, window and plan, its gateways, its balance.
std::string campaign_text(const boost::json::object& campaign);

// What would be sent: numbers and samples of the texts.
std::string plan_text(const boost::json::object& plan);

std::string acts_table(const boost::json::object& history);

// "sending: 147,000 of 260,000, ..."
std::string progress_text(const boost::json::object& campaign);

bool is_over(const boost::json::object& campaign);

}  // namespace loa
