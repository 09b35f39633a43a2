<%@ page contentType="text/html; charset=UTF-8" %>
<%@ include file="about.jspf" %>
<%
    Runtime memory = Runtime.getRuntime();
    long free = memory.maxMemory() - memory.totalMemory() + memory.freeMemory();
%>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title><%= name() %></title>
<h1><%= name() %></h1>
<p>This application is where operators look and set.</p>
<dl>
  <dt>Version</dt><dd><%= html(version) %></dd>
  <dt>Host</dt><dd><%= html(node()) %></dd>
  <dt>Environment</dt><dd><%= html(System.getProperty("gbroker.environment")) %></dd>
  <dt>Free memory</dt><dd><%= free / 1024 %> KiB of <%= memory.maxMemory() / 1024 %> KiB</dd>
</dl>
<p><a href="db">Entries</a></p>
</html>
