/** What the server says of the requests it answers, to whoever measures. */
export interface RequestObserver {
  /** `none`: a request without a GraphQL operation. `code`: of the first error; null without one. `ms`: from arrival to answer. */
  answered(facts: {
    readonly operation: 'query' | 'mutation' | 'none';
    readonly code: string | null;
    readonly ms: number;
  }): void;
  /** An execution was thrown away because the lease ran out under its reads, and is begun again. */
  repeated(): void;
}

export const unobserved: RequestObserver = { answered: () => {}, repeated: () => {} };
