import { exceptionOf, onOneLine, type Presenter } from './presenter.ts'

/**
 * For the REST clients of Azure DevOps, which show `message` and know an error by `typeKey`; npm and yarn show `error`,
 * cargo `errors`.
 */
export const inRest: Presenter = (terms, setting) => {
  const typeKey = exceptionOf(setting.outcome)
  const message = onOneLine(terms, setting.requestId)
  const error = {
    $id: '1',
    innerException: null,
    message,
    typeName: `Altgate.${typeKey}`,
    typeKey,
    errorCode: 0,
    eventId: 3000, // what Azure DevOps says of every error
    error: message,
    errors: [{ detail: message }],
  }
  return { contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(error)}\n` }
}
