/** security: who is at the other end of a connection: Kafka's KafkaPrincipal. */

export interface Principal {
  /** `User`, with everything that authenticates here. */
  readonly type: string
  readonly name: string
  /** It came with a delegation token, so it may not make or renew others. */
  readonly tokenAuthenticated: boolean
}

export function userPrincipal(name: string, tokenAuthenticated = false): Principal {
  return { type: 'User', name, tokenAuthenticated }
}

/** Whoever has not said who they are. */
export const anonymous: Principal = userPrincipal('ANONYMOUS')

/** Equal by type and name, as in Kafka. */
export function isSamePrincipal(
  one: Pick<Principal, 'type' | 'name'>,
  other: Pick<Principal, 'type' | 'name'>,
): boolean {
  return one.type === other.type && one.name === other.name
}

/** `User:alice`, as ACLs and `super.users` have it. */
export function principalText({ type, name }: Pick<Principal, 'type' | 'name'>): string {
  return `${type}:${name}`
}
