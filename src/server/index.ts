/** server: the room's public face. */
export type { ClientConnection } from './client-connection.ts'
export type { RequestObserver } from './request-observer.ts'
export { authenticationTimeoutMs, maxUnansweredBytes, maxUnansweredRequests } from './request-pipeline.ts'
export { maxCloseMs, Server } from './server.ts'
