#include "coordinator/views/in_flight_tickets.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>

namespace mole::test {
namespace {

using coordinator::views::InFlightTickets;

TEST(InFlightTickets, WaitReturnsWhenEarlierTicketsHaveEnded) {
  InFlightTickets tickets;
  tickets.wait();  // there are no tickets
  std::optional<std::future<void>> waiting;
  std::atomic<bool> ended = false, seen_ended = false;
  {
    const InFlightTickets::Ticket ticket(tickets);
    waiting = std::async(std::launch::async, [&] {
      tickets.wait();
      seen_ended = ended.load();
    });
    EXPECT_EQ(waiting->wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    ended = true;
  }
  waiting->get();
  EXPECT_TRUE(seen_ended);
}

TEST(InFlightTickets, WaitIgnoresLaterTickets) {
  InFlightTickets tickets;
  std::optional<std::future<void>> waiting;
  std::optional<InFlightTickets::Ticket> first, later;
  first.emplace(tickets);
  waiting = std::async(std::launch::async, [&] { tickets.wait(); });
  EXPECT_EQ(waiting->wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  later.emplace(tickets);
  first.reset();
  waiting->get();
}

TEST(InFlightTickets, AnExceptionEndsTheTicket) {
  InFlightTickets tickets;
  const auto failing = [&] {
    const InFlightTickets::Ticket ticket(tickets);
    throw std::runtime_error("no memory");
  };
  EXPECT_THROW(failing(), std::runtime_error);
  tickets.wait();
}

}  // namespace
}  // namespace mole::test
