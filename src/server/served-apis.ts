/** server: the handlers by API key, and how the requests and answers of each are read and written. */
import {
  apiByKey,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../../protocol/messages/index.ts'
import type { Steps } from '../../protocol/schema/index.ts'
import { elementsPerStep, includesVersion, ProtocolError, type Reader, Writer } from '../../protocol/schema/index.ts'
import type { Handler } from '../handlers/handler.ts'

const sizeBytes = 4
/** Buffers up to this size come from Node's pool. */
const pooledBytes = 4096

/** One API that is served. */
export class ServedApi {
  readonly handler: Handler
  /** Of the last answer: what the next one's buffer is made for. */
  #answerBytes = 0

  constructor(handler: Handler) {
    this.handler = handler
  }

  /** @throws ProtocolError for a version that is not served. */
  requireVersion(version: number): void {
    const { versions } = this.handler
    if (!includesVersion(versions, version)) {
      throw new ProtocolError(`version ${version} is not served, ${versions.first} to ${versions.last} are`)
    }
  }

  /** @throws ProtocolError */
  decodeHeader(reader: Reader, version: number): { correlationId: number; clientId: string | null } {
    return requestHeader.codec(requestHeaderVersion(this.handler.api, version)).decode(reader)
  }

  /** What follows the body is left alone, as in Kafka. @throws ProtocolError */
  decodeBody(reader: Reader, version: number): unknown {
    return this.handler.api.request.codec(version).decode(reader)
  }

  /** The same for one that may be large. */
  decodeBodyInSteps(reader: Reader, version: number): Steps<unknown> {
    return this.handler.api.request.codec(version).decodeInSteps(reader)
  }

  /** Size, header and body. @throws ProtocolError for a body that this version can't hold. */
  encode(version: number, correlationId: number, body: object): Buffer[] {
    const writer = this.#begin(version, correlationId)
    this.handler.api.response.codec(version).encode(writer, body)
    return this.#finish(writer)
  }

  /** The same for one that may be large. */
  *encodeInSteps(version: number, correlationId: number, body: object): Steps<Buffer[]> {
    const writer = this.#begin(version, correlationId)
    yield* this.handler.api.response.codec(version).encodeInSteps(writer, body)
    return this.#finish(writer)
  }

  #begin(version: number, correlationId: number): Writer {
    const { api } = this.handler
    const writer = new Writer(Math.min(pooledBytes, this.#answerBytes + sizeBytes))
    writer.int32(0)
    responseHeader.codec(responseHeaderVersion(api, version)).encode(writer, { correlationId })
    return writer
  }

  #finish(writer: Writer): Buffer[] {
    this.#answerBytes = writer.length
    const buffers = writer.finish()
    buffers[0]!.writeInt32BE(this.#answerBytes - sizeBytes, 0)
    return buffers
  }
}

/** A frame of so many bytes may hold more than is read in one go. */
const largeFrameBytes = 32 * 1024

export function isLargeFrame(bytes: number): boolean {
  return bytes > largeFrameBytes
}

/** There is more in it than is written in one go. */
export function isLargeAnswer(body: object | undefined): boolean {
  return body !== undefined && elementsIn(body, elementsPerStep) > elementsPerStep
}

/** Of its arrays, and those in them; what is beyond `most` need not be counted. */
function elementsIn(value: object, most: number): number {
  let count = 0
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key]
    if (!Array.isArray(inner)) continue
    count += inner.length
    for (let index = 0; index < inner.length && count <= most; index += 1) {
      const element: unknown = inner[index]
      // Of all elements of an array, or none.
      if (typeof element !== 'object' || ArrayBuffer.isView(element)) break
      if (element !== null) count += elementsIn(element, most - count)
    }
    if (count > most) break
  }
  return count
}

export class ServedApis {
  readonly #byKey: (ServedApi | undefined)[] = []

  constructor(handlers: readonly Handler[]) {
    for (const handler of handlers) this.#byKey[handler.api.key] = new ServedApi(handler)
  }

  byKey(key: number): ServedApi | undefined {
    return this.#byKey[key]
  }

  /** @throws ProtocolError */
  require(key: number): ServedApi {
    const served = this.#byKey[key]
    if (served !== undefined) return served
    throw new ProtocolError(apiByKey(key) === undefined ? 'there is no such API' : 'this API is not served')
  }
}
