/**
 * protocol/messages: the headers in front of requests and responses, and which version of them an API version has.
 *
 *     request:   size (int32) | RequestHeader v0-2 | body        response:   size (int32) | ResponseHeader v0-1 | body
 */
import { type Api, includesVersion, int16, int32, parseVersions, Schema, string } from '../schema/index.ts'

/** v1 clientId · v2 flexible (KIP-482): tagged fields; the client id stays in the old form, so that any broker can read it. */
export const requestHeader = new Schema(
  'RequestHeader',
  {
    requestApiKey: int16(),
    requestApiVersion: int16(),
    correlationId: int32(),
    clientId: string({ versions: '1+', nullable: '1+', flexible: 'none' }),
  },
  parseVersions('0-2'),
  parseVersions('2+'),
)

/** v1 flexible (KIP-482): tagged fields. */
export const responseHeader = new Schema(
  'ResponseHeader',
  { correlationId: int32() },
  parseVersions('0-1'),
  parseVersions('1+'),
)

const controlledShutdownKey = 7
const apiVersionsKey = 18

/** Version of the request header that goes with a version of `api`. */
export function requestHeaderVersion(api: Api, version: number): number {
  if (api.key === controlledShutdownKey && version === 0) return 0
  return includesVersion(api.flexible, version) ? 2 : 1
}

/** ApiVersions' answer keeps header v0, because the client does not know yet what the broker speaks (KIP-511). */
export function responseHeaderVersion(api: Api, version: number): number {
  return api.key !== apiVersionsKey && includesVersion(api.flexible, version) ? 1 : 0
}
