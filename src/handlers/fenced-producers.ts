/** handlers: how a producer that is fenced hears of it: clients before KIP-588 know no PRODUCER_FENCED. */
import { errorCode as codeOf } from '../../protocol/errors.ts'

const producerFenced = codeOf('PRODUCER_FENCED')
const invalidProducerEpoch = codeOf('INVALID_PRODUCER_EPOCH')

/** INVALID_PRODUCER_EPOCH in place of PRODUCER_FENCED for versions before `firstFencedVersion`; else `errorCode`. */
export function errorCodeForOldProducers(errorCode: number, apiVersion: number, firstFencedVersion: number): number {
  return errorCode === producerFenced && apiVersion < firstFencedVersion ? invalidProducerEpoch : errorCode
}
