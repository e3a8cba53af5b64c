/**
 * handlers: how one is written. `handle` joins an API's declaration with what serves it; the server decodes the request, calls
 * `serve`, and encodes what comes back. `serve` throws a KafkaError for an answer that is one error for the whole request.
 */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import {
  type Api,
  type Fields,
  parseVersions,
  type Request,
  type Response,
  type VersionRange,
} from '../../protocol/schema/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import type { Context } from './context.ts'

/** Key of what an answer may bring beside its fields: a call to make when its bytes are with the kernel, or will never get there. */
export const whenSent = Symbol('whenSent')

/** Key of what an answer may bring, too: what a client that is throttled is answered instead of it. */
export const whenThrottled = Symbol('whenThrottled')

type Answer<A> =
  | (Response<A> & { readonly [whenSent]?: () => void; readonly [whenThrottled]?: () => Response<A> })
  | undefined

/** Thrown by `serve` where Kafka has no answer but the end of the connection: a Produce with acks=0 that failed. */
export class CloseConnection extends Error {
  /** `reason` completes the log line. */
  constructor(reason: string) {
    super(reason)
    this.name = 'CloseConnection'
  }
}

export interface Serving<A> {
  /** The answer; undefined sends none (Produce with acks=0). May return at once where nothing is waited for. */
  serve(request: Request<A>, context: Context): Answer<A> | Promise<Answer<A>>
  /** The answer when `serve` threw: the error at each place where this API has one; undefined closes the connection. */
  fail(request: Request<A>, errorCode: number, context: Context, message: string): Answer<A>
  /** Served versions where they are fewer than the declared stable ones. */
  readonly versions?: string
  /** Its requests may start while earlier ones of the same connection are pending (answers keep their order). */
  readonly overlaps?: boolean
  /** Once `serve` has answered, nothing refers to the request's bytes any more: the memory that they came in is used again. */
  readonly keepsNothing?: boolean
  /** Its bytes, of the request or of the answer, count to a byte rate that the client may have a quota for. */
  readonly counts?: 'produce' | 'fetch'
}

export interface Handler {
  // biome-ignore lint/suspicious/noExplicitAny: one list holds the handlers of all APIs
  readonly api: Api<any, any>
  /** What ApiVersions advertises. */
  readonly versions: VersionRange
  readonly overlaps: boolean
  readonly keepsNothing: boolean
  readonly counts: 'produce' | 'fetch' | 'nothing'
  serve(request: unknown, context: Context): object | undefined | Promise<object | undefined>
  fail(request: unknown, errorCode: number, context: Context, message: string): object | undefined
}

export function handle<Q extends Fields, P extends Fields>(api: Api<Q, P>, serving: Serving<Api<Q, P>>): Handler {
  const stable = { first: api.versions.first, last: api.unstable.last < 0 ? api.versions.last : api.unstable.first - 1 }
  return {
    api,
    versions: serving.versions === undefined ? stable : parseVersions(serving.versions),
    overlaps: serving.overlaps ?? false,
    keepsNothing: serving.keepsNothing ?? false,
    counts: serving.counts ?? 'nothing',
    serve: serving.serve as Handler['serve'],
    fail: serving.fail as Handler['fail'],
  }
}

/**
 * Runs `serve` for each item one after the other and turns each thrown KafkaError into the item's own entry: the one loop behind
 * every answer that has an error per topic, group or partition. Other errors go on to the server. Many items take several turns of the event
 * loop; what `serve` looks at may have changed between two.
 */
export async function answerEach<Item, Entry>(
  items: readonly Item[],
  serve: (item: Item) => Entry | Promise<Entry>,
  fail: (item: Item, errorCode: number, message: string, error: ErrorName) => Entry,
): Promise<Entry[]> {
  return mapInTurns(items, async (item) => {
    try {
      return await serve(item)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return fail(item, error.code, error.message, error.kafkaError)
    }
  })
}
