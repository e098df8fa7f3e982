/** Every threshold of the weekly report, in one place; docs/merchandising.md says them to people. */
export const LIMITS = {
  /** Percent by which revenue must differ from the period before, to be worth a finding. */
  revenueChange: 10,
  /** Percentage points by which the rate of discounts, and of refunds, must rise. */
  discountPoints: 3,
  refundPoints: 2,
  /** Orders in one of the two periods, before a change of the whole shop means anything. */
  ordersForTrend: 20,
  /** A best seller: percent of the shop's units (or of its revenue) that one product has. */
  bestSellerShare: 5,
  /** What is about to run out must have this percent of the units, and sell so many a day. */
  runningOutShare: 2,
  soldPerDay: 0.5,
  /** Days of cover under which a product is about to run out: what a new delivery takes. */
  leadDays: 14,
  /** Days over which the pace of sales is taken: a week in which a product was out of stock says nothing of it. */
  paceDays: 28,
  /** Days without a sale after which stock is dead (eight weeks: of 60 days an app without read_all_orders never sees the first in whole), and percent of the period's revenue that it must be worth. */
  deadDays: 56,
  deadShare: 2,
  /** A discount is looked at from so many uses on, and when it gave away this percent of gross sales … */
  discountUses: 5,
  discountGiven: 2,
  /** … and is a finding under this margin, or, where no costs are known, from this rate on. */
  discountMargin: 15,
  discountRate: 30,
  /** Refunds of a product: units, percent of its sales, and how many times the rate of the shop. */
  refundedUnits: 3,
  refundRate: 10,
  refundTimes: 2,
  /** Percent by which the units of a product must rise or fall, and units in the better of both periods. */
  rise: 50,
  fall: -40,
  unitsForTrend: 10,
  /** Days since a product came into the shop: before them it may still be unknown, after them it is not new. */
  newAfterDays: 7,
  newUntilDays: 45,
  /** Of one kind, of all findings, of all advice. */
  perKind: 2,
  findings: 5,
  advice: 5,
} as const;
