/**
 * What a client of the transaction simulation talks to the broker through. Requests are lost, and so are answers; some arrive when the client has
 * long given them up; all that is under way ends with the life of the broker.
 */
import type { Api, DecodedResponse, Encodable, Fields } from '../../../protocol/schema/index.ts'
import { handlers } from '../../../src/handlers/index.ts'
import type { TransactionSimulation } from './transaction-simulation.ts'

/** The client does not know whether the request was served. */
export const lost = Symbol('lost')

const longestDelayMs = 40_000

export class Connection {
  readonly #simulation: TransactionSimulation
  readonly #name: string

  constructor(simulation: TransactionSimulation, name: string) {
    this.#simulation = simulation
    this.#name = name
  }

  /**
   * `canBeLate`: it may be served after the client has gone on, as from a connection that it has given up. Else a lost request
   * is served by the time that the client tells of its loss, or never.
   */
  async ask<Q extends Fields, P extends Fields>(
    api: Api<Q, P>,
    version: number,
    request: Encodable<Q>,
    { canBeLate = false } = {},
  ): Promise<DecodedResponse<Api<Q, P>> | typeof lost> {
    const { chance } = this.#simulation
    const luck = chance.happens(this.#simulation.lossRate)
      ? chance.pick(['request', 'answer', 'late', 'late'] as const)
      : 'fine'
    if (luck === 'request') return await this.#lose(api.name, 'request')
    if (luck === 'late' && canBeLate) {
      const { broker } = this.#simulation
      const delayMs = chance.between(500, chance.pick([2000, 5000, longestDelayMs]))
      this.#simulation.after(delayMs, () => {
        if (this.#simulation.broker !== broker) return
        this.#simulation.note(`${this.#name}: ${api.name} arrives late`)
        void this.#serve(api, version, request)
      })
      return await this.#lose(api.name, 'late request')
    }
    const answer = await this.#serve(api, version, request)
    if (answer === lost) await this.#pause()
    else if (luck !== 'fine') return await this.#lose(api.name, 'answer')
    return answer
  }

  async #lose(what: string, part: string): Promise<typeof lost> {
    this.#simulation.note(`${this.#name}: ${what}, ${part} lost`)
    await this.#pause()
    return lost
  }

  #pause(): Promise<void> {
    return this.#simulation.sleep(this.#simulation.chance.between(50, 1500))
  }

  async #serve<Q extends Fields, P extends Fields>(
    api: Api<Q, P>,
    version: number,
    request: Encodable<Q>,
  ): Promise<DecodedResponse<Api<Q, P>> | typeof lost> {
    const { broker } = this.#simulation
    if (broker === undefined) return lost
    const handler = handlers.find((each) => each.api === api)!
    const answered = async (): Promise<DecodedResponse<Api<Q, P>> | typeof lost> => {
      try {
        return await broker.client.ask(handler, api, version, request)
      } catch (error) {
        if (!broker.files.isDead && this.#simulation.broker === broker) this.#simulation.broke(error)
        return lost
      }
    }
    const ended = broker.files.died.then((): typeof lost => lost)
    return await Promise.race([answered(), ended])
  }
}
