// Before the first paint, so that a dark page never flashes white. A file of its own because the policy forbids inline script.
;(function () {
  var theme = null
  try {
    theme = localStorage.getItem('portcall.theme')
  } catch (error) {
    // storage may be forbidden: the preference of the system decides
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
})()
