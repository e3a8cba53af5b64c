/** test: a transaction coordinator that says yes, unless it was told what to say. */
import type { ErrorName } from '../../protocol/errors.ts'
import type { AskedTransaction, VerifiesPartitions } from '../../src/transactions/verification.ts'

export class FakeCoordinator implements VerifiesPartitions {
  readonly verified: AskedTransaction[] = []
  readonly added: (AskedTransaction & { readonly clientVersion: number })[] = []
  /** Of the next calls. */
  answers: (ErrorName | undefined)[] = []
  #held: (() => void)[] | undefined

  /** Nothing is answered until `release`. */
  hold(): void {
    this.#held = []
  }

  /** Answers one call after the other, also those that come while it does. */
  async release(): Promise<void> {
    const held = this.#held ?? []
    this.#held = undefined
    for (const answer of held) answer()
    await Promise.resolve()
  }

  async verifyPartitions(transaction: AskedTransaction): Promise<(ErrorName | undefined)[]> {
    this.verified.push(transaction)
    return await this.#answer(transaction)
  }

  async addPartitions(
    transaction: AskedTransaction & { readonly clientVersion: number },
  ): Promise<(ErrorName | undefined)[]> {
    this.added.push(transaction)
    return await this.#answer(transaction)
  }

  async #answer({ partitions }: AskedTransaction): Promise<(ErrorName | undefined)[]> {
    const answer = this.answers.shift()
    const held = this.#held
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve))
    return partitions.map(() => answer)
  }
}
