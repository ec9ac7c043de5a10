/** Counted since the start. */
export interface RegistrationCounters {
  announcements: number;
  goodbyes: number;
  pings: number;
  /** Answered 429. */
  limited: number;
  /** Answered with any other error. */
  refused: number;
  /** Records that expired and were removed. */
  swept: number;
}

export interface RegistrationMetrics extends RegistrationCounters {
  /** On disk now; a box with IPv4 and IPv6 has two. */
  records: number;
  /** Transactions, and the most announcements that shared one. */
  commits: number;
  largestGroup: number;
  /** States of apps that arrived at their box lately, and apps that wait to hear of one. */
  arrivals: number;
  waiting: number;
  /** Announcements per second, over the last seconds. */
  load: number;
}
