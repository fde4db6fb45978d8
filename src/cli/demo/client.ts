/** A client of the GraphQL endpoint, as somebody else would write one. */
export interface Client {
  /** The data of the answer; throws with the first error's message. */
  ask<T>(query: string, variables?: object): Promise<T>;
}

export function graphqlClient(url: string, token?: string): Client {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return {
    async ask<T>(query: string, variables: object = {}): Promise<T> {
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
      const answer = (await response.json()) as { data?: T; errors?: { message: string; extensions?: object }[] };
      const error = answer.errors?.[0];
      if (error || !answer.data)
        throw new Error(`${error?.message ?? response.status} ${JSON.stringify(error?.extensions ?? {})}`);
      return answer.data;
    },
  };
}
