# Vega, the style and the script of a report go into the executable as they are, so that a page needs no network and
# the tool no file beside it.
set(VEGA_DIR /usr/share/javascript/vega CACHE PATH "Folder with the modules of Vega 5 (Debian: libjs-vega)")
# In the order in which they need each other.
set(vega_modules vega-util vega-time vega-format vega-loader vega-dataflow vega-statistics vega-scale vega-canvas
    vega-scenegraph vega-expression vega-selection vega-functions vega-event-selector vega-runtime vega-view vega-parser
    vega-transforms vega-view-transforms vega-encode)

set(vega_js "")
foreach(module IN LISTS vega_modules)
  set(file ${VEGA_DIR}/${module}.min.js)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "${file} is missing; install Debian's package libjs-vega (scripts/setup.sh does) or set VEGA_DIR")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  # A browser would fetch the map, and the text stands inside an element of the page.
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  if(text MATCHES "</script|<!--")
    message(FATAL_ERROR "${file} cannot stand inside a script element")
  endif()
  # vega-functions asks for vega-selections; the file is called vega-selection.
  string(REPLACE "vega-selection" "vega-selections" name "${module}")
  string(APPEND vega_js "vegaModule(\"${name}\", function (exports, module, require) {\n${text}\n});\n")
endforeach()
set(vega_js_file ${CMAKE_CURRENT_BINARY_DIR}/vega.js)
file(CONFIGURE OUTPUT ${vega_js_file} CONTENT "@vega_js@" @ONLY)

set(report_folder ${CMAKE_CURRENT_SOURCE_DIR}/report)
configure_file(${report_folder}/embedded.cpp.in embedded.cpp @ONLY)
set_source_files_properties(
  ${CMAKE_CURRENT_BINARY_DIR}/embedded.cpp
  PROPERTIES SKIP_PRECOMPILE_HEADERS ON
  OBJECT_DEPENDS "${vega_js_file};${report_folder}/page.css;${report_folder}/page.js;${report_folder}/vega_licence.txt")
